"""Head sampling: whether a trace is recorded is decided where it begins, and said to everyone.

Source: OpenTelemetry specification, "Sampling" and "TraceState: Probability Sampling". A sampled
span carries `ot=th:...` in its tracestate, so that whoever counts spans knows for how many each
stands. Its randomness is `rv` where the tracestate has it, else the trace id's last 56 bits.
"""

import os
from dataclasses import dataclass

from opentelemetry.trace import SpanContext, TraceState

from vario.sdk.faults import LOG

_BITS = 56
_MAX = 1 << _BITS
EMPTY = TraceState()


@dataclass(frozen=True, slots=True)
class Sampler:
    """Decides for the spans of one process.

    `threshold` is that of spans for which nobody has decided yet: 0 takes all, None takes none.
    `is_probability` says that it came from a ratio, which is told in the tracestate.
    """

    threshold: int | None
    follows_parent: bool = True
    is_probability: bool = False

    def decide(self, trace_id: int, parent: SpanContext | None) -> tuple[bool, TraceState]:
        """Returns whether a span is sampled, and its tracestate.

        Args:
            trace_id: the span's.
            parent: its parent's context; None at the root.
        """
        state = parent.trace_state if parent is not None else EMPTY
        if parent is not None and self.follows_parent:
            return parent.trace_flags.sampled, state
        if not self.is_probability:
            return self.threshold is not None, state
        others, randomness = _read(state)
        if randomness is None:
            randomness = trace_id & (_MAX - 1)
        is_sampled = self.threshold is not None and randomness >= self.threshold
        if is_sampled and self.threshold is not None:
            others.insert(0, f"th:{_hexadecimal(self.threshold)}")
        elif "ot" not in state:
            return is_sampled, state
        return is_sampled, _written(state, others)


def read_sampler() -> Sampler:
    """Returns the sampler that `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` ask for."""
    name = os.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    follows_parent = name.startswith("parentbased_")
    match name.removeprefix("parentbased_"):
        case "always_on":
            return Sampler(0, follows_parent)
        case "always_off":
            return Sampler(None, follows_parent)
        case "traceidratio":
            return of_ratio(_ratio(), follows_parent=follows_parent)
        case _:
            LOG.warning("OTEL_TRACES_SAMPLER=%s is not known; all traces are recorded", name)
            return Sampler(0)


def of_ratio(ratio: float, *, follows_parent: bool = True) -> Sampler:
    """Returns a sampler of this share of traces, from 0 to 1."""
    threshold = _MAX - round(ratio * _MAX)
    return Sampler(threshold if threshold < _MAX else None, follows_parent, is_probability=True)


def _ratio() -> float:
    text = os.environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        LOG.warning("OTEL_TRACES_SAMPLER_ARG=%r is not from 0 to 1; all traces are recorded", text)
        return 1.0
    return ratio


def _hexadecimal(threshold: int) -> str:
    """Returns a threshold as 14 hexadecimal digits without the zeros at their end."""
    return f"{threshold:014x}".rstrip("0") or "0"


def _read(state: TraceState) -> tuple[list[str], int | None]:
    """Returns OpenTelemetry's members of a tracestate except `th`, and the randomness of `rv`."""
    members = [m for m in state.get("ot", "").split(";") if m and not m.startswith("th:")]
    for member in members:
        if member.startswith("rv:") and len(member) == 17:
            try:
                return members, int(member[3:], 16)
            except ValueError:
                break
    return members, None


def _written(state: TraceState, members: list[str]) -> TraceState:
    if members:
        return state.update("ot", ";".join(members))
    return state.delete("ot") if "ot" in state else state
