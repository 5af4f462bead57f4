"""Fragments of SQL that the projections in `sql/ingest` share, written `{name:argument}` there.

{type:attributes}   the engine's type of a list of `KeyValue`; also value, numbers, exemplars
{text:v}            an `AnyValue` as text
{map:a}             a list of `KeyValue` as a map of texts
{pairs:a}           a list of `KeyValue` as Prometheus labels: `Array(Tuple(name, value))`
{exemplars:e}       a list of `Exemplar`, attributes as pairs
{identity:m}        job and instance, as pairs, out of the map of a resource's attributes
{promoted:m}        resource attributes that every series carries as a label, as pairs
{sorted:p}          pairs as a map sorted by name, which is what the id of a series is made of
{word:s}            text with everything that may not be in a metric's name as one underscore
{le:b}              an upper bound as the text of a label
{nano:t} {milli:t}  nanoseconds since the epoch as a time that every table can hold
{merged_offset:o} {merged:o, c}
where buckets begin, and the buckets, after merging 2^`excess` into one
{stale:} {no_native:} {no_exemplars:}
the stale marker, and what stands for "none" in a data point
"""

import re
from collections.abc import Callable

from vario.model.series import STALE_NAN_BITS
from vario.store import macros_prometheus

VALUE_TYPE = (
    "Tuple(string_value Nullable(String), bool_value Nullable(Bool), int_value Nullable(Int64), "
    "double_value Nullable(Float64), array_value Nullable(String), kvlist_value Nullable(String), "
    "bytes_value Nullable(String))"
)
ATTRIBUTES_TYPE = f"Array(Tuple(key String, value {VALUE_TYPE}))"
EXEMPLARS_TYPE = (
    "Array(Tuple(time_unix_nano UInt64, as_double Nullable(Float64), as_int Nullable(Int64), "
    f"span_id String, trace_id String, filtered_attributes {ATTRIBUTES_TYPE}))"
)
NUMBERS_TYPE = (
    "Array(Tuple(time_unix_nano UInt64, as_double Nullable(Float64), as_int Nullable(Int64), "
    f"exemplars {EXEMPLARS_TYPE}, attributes {ATTRIBUTES_TYPE}, flags UInt32))"
)
_TYPES = {
    "value": VALUE_TYPE,
    "attributes": ATTRIBUTES_TYPE,
    "exemplars": EXEMPLARS_TYPE,
    "numbers": NUMBERS_TYPE,
    **macros_prometheus.TYPES,
}

END_NS = 4_102_444_800 * 1_000_000_000
"""2100-01-01: later times become this one. Tables age by the engine's 32-bit `DateTime`, which
ends in 2106; a time near its end plus the retention is a time long past, and the row goes at once.
"""

# ASCII that may not stand in a label's name; `translate` maps it byte by byte, which takes a
# tenth of the time of a regular expression.
_NOT_LABEL = "".join(chr(code) for code in range(1, 127) if not re.match(r"\w", chr(code)))


def _quote(text: str) -> str:
    return "'" + "".join(f"\\x{ord(char):02x}" for char in text) + "'"


def _text(value: str) -> str:
    return (
        f"coalesce({value}.string_value, toString({value}.int_value), "
        f"toString({value}.double_value), toString({value}.bool_value), "
        f"base64Encode(coalesce({value}.bytes_value, {value}.array_value, {value}.kvlist_value)), "
        "'')"
    )


def _map(attributes: str) -> str:
    return (
        f"CAST(arrayMap(pair -> (pair.key, {_text('pair.value')}), {attributes}), "
        "'Map(LowCardinality(String), String)')"
    )


def _pairs(attributes: str) -> str:
    """Names as the OpenTelemetry-to-Prometheus translation has them; no empty name or value."""
    plain = f"translate(k, {_quote(_NOT_LABEL)}, '{'_' * len(_NOT_LABEL)}')"
    name = (
        "multiIf(n < ':' AND n != '', concat('key_', n), "
        "startsWith(n, '_') AND NOT startsWith(n, '__'), concat('key', n), n)"
    )
    names = (
        f"arrayMap(n -> {name}, arrayMap(k -> if(isValidASCII(k), {plain}, "
        f"replaceRegexpAll(k, '[^a-zA-Z0-9_]', '_')), {attributes}.key))"
    )
    values = f"arrayMap(v -> {_text('v')}, {attributes}.value)"
    return f"arrayFilter(l -> l.1 != '' AND l.2 != '', arrayZip({names}, {values}))"


def _joined(pairs: str) -> str:
    values = f"arraySort(arrayMap(l -> l.2, arrayFilter(l -> l.1 = k, {pairs})))"
    merged = f"arrayMap(k -> (k, arrayStringConcat({values}, ';')), arrayDistinct({pairs}.1))"
    return f"if(length(arrayDistinct({pairs}.1)) = length({pairs}), {pairs}, {merged})"


def _points(field: str) -> str:
    kinds = ("gauge", "sum", "histogram", "exponential_histogram", "summary")
    return f"arrayConcat({', '.join(f'metric.{kind}.data_points.{field}' for kind in kinds)})"


def _identity(resource: str) -> str:
    name, space = f"{resource}['service.name']", f"{resource}['service.namespace']"
    job = f"if({space} != '' AND {name} != '', concat({space}, '/', {name}), {name})"
    instance = f"{resource}['service.instance.id']"
    return f"arrayFilter(l -> l.2 != '', [('job', {job}), ('instance', {instance})])"


def _promoted(resource: str) -> str:
    return (
        f"arrayFilter(l -> l.2 != '', [('region', {resource}['cloud.region']), "
        f"('service_version', {resource}['service.version'])])"
    )


def _sorted(pairs: str) -> str:
    return f"CAST(arraySort({pairs}), 'Map(String, String)')"


def _word(text: str) -> str:
    return f"trim(BOTH '_' FROM replaceRegexpAll({text}, '[^a-zA-Z0-9:]+', '_'))"


def _le(bound: str) -> str:
    return f"if(isInfinite({bound}), '+Inf', toString({bound}))"


def _nano(time: str) -> str:
    now = "toUInt64(toUnixTimestamp64Nano(now64(9)))"
    return f"fromUnixTimestamp64Nano(toInt64(least(if({time} = 0, {now}, {time}), {END_NS})))"


def _milli(time: str) -> str:
    return f"fromUnixTimestamp64Milli(toInt64(intDiv(least({time}, {END_NS}), 1000000)))"


def _merged_offset(offset: str) -> str:
    """Prometheus counts a bucket by its upper end, OTLP by its lower: hence the one."""
    return f"toInt32(floor({offset} / exp2(excess))) + 1"


def _merged(arguments: str) -> str:
    offset, counts = (argument.strip() for argument in arguments.split(","))
    first = f"toInt32(floor({offset} / exp2(excess)))"
    last = f"toInt32(floor(({offset} + length({counts}) - 1) / exp2(excess)))"
    inside = f"floor(({offset} + at - 1) / exp2(excess)) = bucket"
    bucket = f"arraySum((c, at) -> if({inside}, c, 0), {counts}, arrayEnumerate({counts}))"
    merged = f"arrayMap(bucket -> {bucket}, range({first}, {last} + 1))"
    return f"if(excess = 0 OR empty({counts}), {counts}, {merged})"


def _stale(_: str) -> str:
    return f"reinterpretAsFloat64(unhex('{STALE_NAN_BITS.to_bytes(8, 'little').hex()}'))"


_MACROS: dict[str, Callable[[str], str]] = {
    "type": _TYPES.__getitem__,
    "text": _text,
    "map": _map,
    "pairs": _pairs,
    "joined": _joined,
    "points": _points,
    "identity": _identity,
    "promoted": _promoted,
    "sorted": _sorted,
    "word": _word,
    "le": _le,
    "nano": _nano,
    "milli": _milli,
    "merged_offset": _merged_offset,
    "merged": _merged,
    "stale": _stale,
    **macros_prometheus.MACROS,
}
_OPENING = re.compile(r"\{(" + "|".join(_MACROS) + r"):")


_DOTTED = re.compile(r"--[^\n]*|'(?:[^'\\]|\\.)*'|`[^`]*`|\b([a-z]\w*)((?:\.\w+)+)")


def expand(sql: str) -> str:
    """Returns `sql` with the macros of this module filled in, inner ones first.

    Example:
        >>> expand("SELECT {milli:greatest(a, b)}")[:47]
        'SELECT fromUnixTimestamp64Milli(toInt64(intDiv('
    """
    while openings := list(_OPENING.finditer(sql)):
        opening = openings[-1]
        end = _closing(sql, opening.end())
        filled = _MACROS[opening[1]](sql[opening.end() : end])
        sql = sql[: opening.start()] + filled + sql[end + 1 :]
    return _DOTTED.sub(_elements, sql)


def _elements(match: re.Match[str]) -> str:
    if match[1] in {None, "source"}:
        return match[0]
    element = match[1]
    for name in match[2].split(".")[1:]:
        element = f"tupleElement({element}, {name if name.isdigit() else repr(name)})"
    return element


def _closing(sql: str, start: int) -> int:
    depth = 1
    for at in range(start, len(sql)):
        depth += (sql[at] == "{") - (sql[at] == "}")
        if not depth:
            return at
    raise ValueError(f"a macro is not closed: {sql[start - 20 : start + 40]!r}")
