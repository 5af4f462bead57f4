"""OpenMetrics text 1.0.

The grammar (single blanks, no empty lines, `# EOF`) always holds. `strict` adds what the
specification asks of the content, see `openmetrics_rules`; Prometheus scrapes without most of
that, so a target that Prometheus accepts is accepted without it.
"""

import re
from dataclasses import replace

import numpy as np

from vario.errors import BadData
from vario.wire.exposition.model import NO_TIME, Exemplar, Exposition, Family, Known
from vario.wire.exposition.numbers import DECIMAL, NUMBER, read_values, seconds_to_ms
from vario.wire.exposition.openmetrics_rules import TYPES, Row, check_rows
from vario.wire.exposition.series import (
    METRIC_NAME,
    QUOTED,
    decode_exemplar_labels,
    label_series,
    unescape,
)
from vario.wire.exposition.text import decode_utf8, find_lines, line_of

_BRACES = r'\{(?:[^"}\n]++|"(?:[^"\\\n]|\\[^\n])*+")*+\}'
_LINE = re.compile(
    rf"""
    ({METRIC_NAME}(?:{_BRACES})?+|{_BRACES})[ ]({NUMBER})(?:[ ]({DECIMAL}))?+
      (?:[ ]\#[ ]({_BRACES})[ ]({NUMBER})(?:[ ]({DECIMAL}))?+)?+\n
    |
    \#[ ](HELP|TYPE|UNIT)[ ]({METRIC_NAME}|{QUOTED})[ ]([^\n]*+)\n
    |
    \#[ ](EOF)\n?\Z
    |
    ([^\n]*+\n|[^\n]++\Z)
    """,
    re.VERBOSE,
)


def parse_openmetrics(body: bytes, known: Known = (), *, strict: bool = True) -> Exposition:
    """Returns what a body in OpenMetrics text says.

    Args:
        body: the response's body, decompressed.
        known: texts of series whose labels need not be decoded.
        strict: also check the rules about content: order, suffixes, values, exemplars.

    Raises:
        BadData: the body is not OpenMetrics; the message says where.
    """
    text = decode_utf8(body)
    rows = [Row(*groups) for groups in find_lines(_LINE, text)]
    for i, row in enumerate(rows):
        if row.bad or (row.eof and i + 1 < len(rows)):
            where = line_of(_LINE, text, i)
            raise BadData(f"line {where} is not OpenMetrics: {(row.bad or row.eof)[:200]!r}")
    if not rows or not rows[-1].eof:
        raise BadData("the body does not end with # EOF")
    families, family_of = _read_metadata(rows)
    samples = [i for i, row in enumerate(rows) if row.series]
    keys = tuple(rows[i].series for i in samples)
    in_force = [family_of[i] for i in samples]
    labels = label_series(keys, in_force, families, known, openmetrics=True)
    exemplars = {
        at: _read_exemplar(rows[i]) for at, i in enumerate(samples) if rows[i].exemplar_labels
    }
    exposition = Exposition(
        families=families,
        series=keys,
        values=read_values([rows[i].value for i in samples]),
        times_ms=np.array([_read_time(rows[i].time) for i in samples], dtype=np.int64),
        labels=labels,
        exemplars=exemplars,
    )
    if strict:
        check_rows(rows)
    return exposition


def _read_time(seconds: str) -> int:
    return seconds_to_ms(float(seconds)) if seconds else NO_TIME


def _read_exemplar(row: Row) -> Exemplar:
    return Exemplar(
        labels=decode_exemplar_labels(row.exemplar_labels),
        value=float(row.exemplar_value),
        time_ms=_read_time(row.exemplar_time) if row.exemplar_time else None,
    )


def _read_metadata(rows: list[Row]) -> tuple[tuple[Family, ...], list[int]]:
    """Returns the families, and for each row the index of the last TYPE line's, or -1."""
    families: list[Family] = []
    index: dict[str, int] = {}
    typed: list[int] = []
    current = -1
    for row in rows:
        if row.kind:
            name = unescape(row.name.strip('"'))
            at = index.setdefault(name, len(families))
            if at == len(families):
                families.append(Family(name))
            families[at] = _described(families[at], row)
            current = at if row.kind == "TYPE" else current
        typed.append(current)
    return tuple(families), typed


def _described(family: Family, row: Row) -> Family:
    if row.kind == "HELP":
        return replace(family, help=unescape(row.text))
    if row.kind == "UNIT":
        if row.text and not family.name.endswith(f"_{row.text}"):
            raise BadData(f"unit {row.text!r} is not a suffix of metric {family.name!r}")
        return replace(family, unit=row.text)
    if row.text not in TYPES:
        raise BadData(
            f"metric {family.name} has the unknown type {row.text!r}; known: {', '.join(TYPES)}"
        )
    return replace(family, type=TYPES[row.text])
