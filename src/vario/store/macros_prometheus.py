"""Macros of `sql/ingest/prometheus.sql`, in the manner of `vario.store.macros`.

{type:labels}       the engine's type of a list of labels; also samples, histograms
{symbols:r}         labels out of references into the request's `symbols`
{sound:l, t}        whether labels and times can be stored; throws where they cannot
{counts:h.s}        absolute counts of the buckets on side s of a native histogram
{filled:s, c}       counts c of the buckets in spans s as one dense run
{kind:t}            a metric's type by its number, in Prometheus' words
{name_hash:n}       what keeps the samples of a metric together
{seen:a, b}         whether the row that these values stand for is new in the last hour
"""

from collections.abc import Callable

LAST_MS = (1 << 32) * 1000 - 1
"""The last millisecond of the engine's 32-bit `DateTime`, by which tables are aged."""
UNSOUND = "a series of this request cannot be stored"
"""What the engine throws, with code 395, at a request that holds an unsound series."""

_SPANS = "Array(Tuple(offset Int32, length UInt32))"
_SIDE = "{side}_spans " + _SPANS + ", {side}_deltas Array(Int64), {side}_counts Array(Float64)"
TYPES = {
    "labels": "Array(Tuple(name String, value String))",
    "samples": "Array(Tuple(value Float64, timestamp Int64))",
    "histograms": (
        "Array(Tuple(count_int UInt64, count_float Float64, sum Float64, schema Int32, "
        "zero_threshold Float64, zero_count_int UInt64, zero_count_float Float64, "
        f"{_SIDE.format(side='negative')}, {_SIDE.format(side='positive')}, "
        "reset_hint Int32, timestamp Int64, custom_values Array(Float64)))"
    ),
}
_KINDS = ("counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")


def _split(arguments: str) -> tuple[str, str]:
    first, _, second = arguments.partition(",")
    return first.strip(), second.strip()


def _symbols(refs: str) -> str:
    """A reference that is missing or out of range gives an empty text, which is never sound."""
    pair = f"(symbols[{refs}[2 * i - 1] + 1], symbols[{refs}[2 * i] + 1])"
    pairs = f"arrayMap(i -> {pair}, range(1, 1 + intDiv(length({refs}) + 1, 2)))"
    return f"CAST({pairs}, '{TYPES['labels']}')"


def _throw(condition: str) -> str:
    return f"NOT throwIf(NOT ({condition}), '{UNSOUND}')"


def _sound(arguments: str) -> str:
    """Names in ascending order are sorted and unique; the lambda costs 0.1 CPU-s a million."""
    labels, times = _split(arguments)
    names = f"{labels}.name"
    ascending = f"arrayAll((a, b) -> a < b, arrayPopBack({names}), arrayPopFront({names}))"
    return _throw(
        f"{ascending} AND has({names}, '__name__') AND NOT has({names}, '') "
        f"AND NOT has({labels}.value, '') "
        f"AND arrayMin({times}) >= 0 AND arrayMax({times}) <= {LAST_MS}"
    )


def _counts(side: str) -> str:
    """Integer histograms have deltas and float ones counts; the other list is empty."""
    absolute = f"arrayMap(c -> toFloat64(c), arrayCumSum({side}_deltas))"
    return f"arrayConcat({absolute}, {side}_counts)"


def _filled(arguments: str) -> str:
    spans, counts = _split(arguments)
    gaps = f"arrayMap((gap, i) -> if(i = 1, 0, gap), {spans}.offset, arrayEnumerate({spans}))"
    zeros = "arrayResize(emptyArrayFloat64(), gap, 0.)"
    own = f"arraySlice({counts}, end - size + 1, size)"
    return (
        f"arrayFlatten(arrayMap((gap, size, end) -> arrayConcat({zeros}, {own}), {gaps}, "
        f"{spans}.length, arrayCumSum({spans}.length)))"
    )


def _kind(number: str) -> str:
    return f"transform({number}, {list(range(1, 8))}, {list(_KINDS)}, 'unknown')"


def _seen(values: str) -> str:
    return f"sipHash64({values}) NOT IN metric_seen"


def _name_hash(name: str) -> str:
    return f"toUInt32(sipHash64({name}))"


MACROS: dict[str, Callable[[str], str]] = {
    "symbols": _symbols,
    "sound": _sound,
    "counts": _counts,
    "filled": _filled,
    "kind": _kind,
    "name_hash": _name_hash,
    "seen": _seen,
}
