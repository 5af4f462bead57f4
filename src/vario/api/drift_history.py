"""Drift over time: features by steps of time, as a heat map draws it, and what a cell holds."""

import json
import math
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import Query

from vario.alert.seams import make_query
from vario.api.context import CurrentContext
from vario.api.drift import Name, show_distribution, show_reading
from vario.api.drift_models import DriftHistoryOut, DriftMomentOut, FeatureHistoryOut
from vario.api.params import StepNs, Window, parse_time_ns
from vario.drift.live import OVER_ALL
from vario.drift.past import find_look, look_back, pick_reference, scope_of
from vario.drift.reference import load_reference
from vario.errors import NotFound
from vario.query.promql.engine import PromQL

LEAST_STEP_MS = 60_000
Line = list[float | None]
_METRICS = (
    "drift_psi",
    "drift_psi_critical",
    "feature_presence_ratio",
    "feature_new_categories",
    "accept_rate",
)


def get_history(
    context: CurrentContext,
    window: Window,
    step_ns: StepNs,
    model: Name,
    version: Name = OVER_ALL,
    segment: Name = "",
    value: Name = "",
) -> DriftHistoryOut:
    """How each feature of a model stood over time, in one part of its traffic."""
    step_ms = max(step_ns // 1_000_000, LEAST_STEP_MS)
    # Cells end on the clock, so that they are the same whenever they are drawn; the last one is
    # still being filled.
    first_ms = (window.start_ns // 1_000_000 // step_ms + 1) * step_ms
    last_ms = (window.end_ns // 1_000_000 // step_ms + 1) * step_ms
    times = np.arange(first_ms, last_ms + 1, step_ms)
    wanted = {"model_name": model}
    wanted |= {} if version == OVER_ALL else {"model_version": version}
    wanted |= {segment: value} if segment and value else {}
    known = ",".join(f"{name}={json.dumps(text)}" for name, text in wanted.items())
    names = json.dumps("|".join(_METRICS))
    result = PromQL(context.store).range(
        f"last_over_time({{__name__=~{names},{known}}}[{step_ms}ms])",
        first_ms,
        last_ms,
        step_ms,
    )
    found: dict[tuple[str, str], Line] = {}
    for series in result.series:
        labels = dict(series.labels)
        metric, feature = labels.pop("__name__"), labels.pop("feature", "")
        if labels == wanted:  # otherwise it is a narrower part of the traffic
            places = ((series.ts_ms - first_ms) // step_ms).tolist()
            found[metric, feature] = _line(places, series.values.tolist(), len(times))
    none: Line = [None] * len(times)
    present = {name: found.get(("feature_presence_ratio", name), none) for _, name in found if name}
    return DriftHistoryOut(
        model_name=model,
        model_version=version,
        segment=segment,
        value=value,
        step=step_ms / 1000,
        times=(times / 1000).tolist(),
        features=[
            FeatureHistoryOut(
                feature=name,
                psi=found.get(("drift_psi", name), none),
                psi_critical=found.get(("drift_psi_critical", name), none),
                missing_ratio=[None if one is None else 1 - one for one in present[name]],
                new_categories=found.get(("feature_new_categories", name), none),
            )
            for name in sorted(present)
        ],
        accept_rate=found.get(("accept_rate", ""), none),
    )


def get_moment(
    context: CurrentContext,
    model: Name,
    feature: Name,
    time: Annotated[str, Query(max_length=64, description="end of a step of the history")],
    step: Annotated[float, Query(ge=1, le=31 * 86_400, description="seconds")] = 300,
    version: Name = OVER_ALL,
    segment: Name = "",
    value: Name = "",
) -> DriftMomentOut:
    """A feature's statistics and both distributions at the last look within a step of time."""
    now_ns = context.clock.now_ns()
    at_ms = min(parse_time_ns("time", time, now_ns), now_ns) // 1_000_000
    references = [
        load_reference(body, f"reference {name!r} of model {known!r}")
        for known, name, body in context.store.find_references()
        if known == model
    ]
    reference = pick_reference(references, model, at_ms)
    if reference is None or feature not in reference.features:
        raise NotFound(
            f"no reference of model {model!r} has the feature {feature!r}: see /api/references"
        )
    scope = scope_of(model, version, segment, value)
    ask = make_query(PromQL(context.store))
    look = find_look(ask, scope, feature, at_ms, round(step))
    if look is None:
        raise NotFound(
            f"feature {feature!r} of model {model!r} in version {version!r}"
            f"{f' with {segment}={value!r}' if segment else ''} was not judged then: see "
            "/api/drift/history for when it was"
        )
    reading = look_back(ask, reference, scope, feature, look[0], critical=look[1])
    if not reading.drift.rows:
        raise NotFound(
            f"nothing is left of what feature {feature!r} of model {model!r} was counted from "
            "then: store.retention.metrics_days says how long metrics are kept"
        )
    return DriftMomentOut(
        time=look[0] / 1000,
        reading=show_reading(reading),
        distribution=show_distribution(context, reference, reading),
    )


def _line(places: Sequence[int], numbers: Sequence[float], count: int) -> Line:
    """Returns numbers at their places of so many, None where there is none."""
    line: Line = [None] * count
    for place, number in zip(places, numbers, strict=True):
        line[place] = number if math.isfinite(number) else None
    return line
