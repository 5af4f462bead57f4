"""The text of a series, `name{label="value",...}`, to labels and back."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from vario.errors import BadData
from vario.model.series import Labels
from vario.wire.exposition.model import Family, Known
from vario.wire.exposition.numbers import format_bound

METRIC_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*+"
LABEL_NAME = r"[a-zA-Z_][a-zA-Z0-9_]*+"
QUOTED = r'"(?:[^"\\]|\\.)*+"'

_PLAIN_NAME = re.compile(METRIC_NAME)
_PLAIN_LABEL = re.compile(LABEL_NAME)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_IN_HELP = {"n": "\n", "\\": "\\"}
_ESCAPED = _ESCAPED_IN_HELP | {'"': '"'}

# The last group of each pattern catches what does not belong: `findall` then never skips input.
_B = r"[ \t]*+"
_VALUE = r'"((?:[^"\\]|\\.)*+)"'
_PAIRS = {
    False: re.compile(rf"{_B}({LABEL_NAME}){_B}={_B}{_VALUE}{_B},?+{_B}|(.)", re.DOTALL),
    True: re.compile(rf"({LABEL_NAME})={_VALUE}(?:,|\Z)|(.)", re.DOTALL),
}
_PAIRS_WITH_QUOTED_NAMES = {
    False: re.compile(
        rf"{_B}({LABEL_NAME}|{QUOTED}){_B}(?:(=){_B}{_VALUE}{_B})?+,?+{_B}|(.)", re.DOTALL
    ),
    True: re.compile(rf"({LABEL_NAME}|{QUOTED})(?:(=){_VALUE})?+(?:,|\Z)|(.)", re.DOTALL),
}
_SPLIT = re.compile(rf"({METRIC_NAME})?+{_B}(?:\{{(.*)\}})?{_B}", re.DOTALL)

_BOUND_LABELS = {"histogram": "le", "summary": "quantile"}


def unescape(text: str, *, quotes: bool = True) -> str:
    """Returns `text` with its escapes resolved: newline, backslash and, if asked, the quote."""
    if "\\" not in text:
        return text
    escaped = _ESCAPED if quotes else _ESCAPED_IN_HELP
    return _ESCAPE.sub(lambda m: escaped.get(m[1], m[0]), text)


def decode_series(text: str, *, openmetrics: bool = False) -> dict[str, str]:
    """Returns the labels of a series, `__name__` included.

    Args:
        text: such as `up{job="a"}` or, with names in UTF-8, `{"my.metric","my.label"="a"}`.
        openmetrics: refuse the blanks and missing commas that Prometheus' own text format allows.

    Raises:
        BadData: the text is not a series, or a label comes twice.
    """
    split = _SPLIT.fullmatch(text)
    if split is None:
        raise BadData(f"not a series: {text}")
    name, inside = split.groups()
    labels = {"__name__": name} if name else {}
    if inside:
        labels = _decode_pairs(inside, labels, openmetrics)
    if "__name__" not in labels:
        raise BadData(f"series without a metric name: {text}")
    return labels


def decode_exemplar_labels(text: str) -> dict[str, str]:
    """Returns the labels of `{a="b"}` as an OpenMetrics exemplar has them.

    Raises:
        BadData: they are malformed, or a label comes twice.
    """
    labels = _decode_pairs(text[1:-1], {}, True) if text != "{}" else {}
    if "__name__" in labels:
        raise BadData(f"a metric name in the labels of an exemplar: {text}")
    return labels


def _decode_pairs(inside: str, labels: dict[str, str], openmetrics: bool) -> dict[str, str]:
    """Returns `labels` with the pairs between the braces added; quoted names are the slow case."""
    pairs = _PAIRS[openmetrics].findall(inside)
    expected = len(labels) + len(pairs)
    for name, value, odd in pairs:
        if odd:
            return _decode_quoted(inside, labels, openmetrics)
        labels[name] = value
    if len(labels) != expected:
        raise BadData(f"a label comes twice in {{{inside}}}")
    if "\\" in inside:
        return {name: unescape(value) for name, value in labels.items()}
    return labels


def _decode_quoted(inside: str, labels: dict[str, str], openmetrics: bool) -> dict[str, str]:
    found = {"__name__": labels["__name__"]} if "__name__" in labels else {}
    for name, equals, value, odd in _PAIRS_WITH_QUOTED_NAMES[openmetrics].findall(inside):
        if odd:
            raise BadData(f"malformed labels at {odd!r} in {{{inside}}}")
        quoted = name[0] == '"'
        if not equals and not quoted:
            raise BadData(f"label {name} without a value in {{{inside}}}")
        own = unescape(name[1:-1]) if quoted else name
        key, text = (own, unescape(value)) if equals else ("__name__", own)
        if key in found:
            raise BadData(f"label {key!r} comes twice in {{{inside}}}")
        found[key] = text
    return found


def encode_series(name: str, labels: Iterable[tuple[str, str]]) -> str:
    """Returns the text of a series, its names quoted where they are not in the classic charset.

    >>> encode_series("up", [("job", "a")]), encode_series("my.up", [("my.job", "a")])
    ('up{job="a"}', '{"my.up","my.job"="a"}')
    """
    pairs = [f"{_label_text(key)}={_quote(value)}" for key, value in labels]
    if _PLAIN_NAME.fullmatch(name):
        return f"{name}{{{','.join(pairs)}}}" if pairs else name
    return f"{{{','.join([_quote(name), *pairs])}}}"


@lru_cache(maxsize=4096)
def _label_text(name: str) -> str:
    return name if _PLAIN_LABEL.fullmatch(name) else _quote(name)


def _quote(text: str) -> str:
    if "\\" in text or '"' in text or "\n" in text:
        text = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'


def label_series(
    series: Sequence[str],
    family_of: Sequence[int],
    families: Sequence[Family],
    known: Known,
    *,
    openmetrics: bool,
) -> dict[str, Labels]:
    """Returns the label set of each series text, but for those that are known.

    The bounds of classic histograms and summaries are brought to one spelling (`le="1"` becomes
    `le="1.0"`), as Prometheus 3 does, so that they do not depend on the format scraped.

    Args:
        series: n texts.
        family_of: n indices into `families` of the metadata in force at the sample, -1 for none.
        families: metadata in the order it came.
        known: texts to leave out.
        openmetrics: which of the two text formats.

    Raises:
        BadData: a series is malformed.
    """
    labels: dict[str, Labels] = {}
    for text, family in zip(series, family_of, strict=True):
        if text in known or text in labels:
            continue
        decoded = decode_series(text, openmetrics=openmetrics)
        bound = _BOUND_LABELS.get(families[family].type) if family >= 0 else None
        if bound is not None and bound in decoded:
            decoded[bound] = _canonical_bound(decoded[bound])
        labels[text] = decoded
    return labels


def _canonical_bound(text: str) -> str:
    try:
        return format_bound(float(text))
    except ValueError:
        return text
