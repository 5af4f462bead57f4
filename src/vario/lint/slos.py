"""SLO files: the queries in them, whatever form they have."""

import re
from collections.abc import Iterator

from vario.lint.document import Document, Named
from vario.lint.query import read_query
from vario.lint.source import Source
from vario.lint.value import Value
from vario.query.promql.parser import ParseError

_QUERY_KEYS = frozenset(
    (
        *("query", "expr", "metric", "good", "bad", "total", "ratio"),
        *("error_query", "total_query", "error_ratio_query", "errorQuery", "totalQuery"),
        *("errorRatioQuery",),
    )
)
_TEMPLATE = re.compile(r"\{\{\s*\.window\s*\}\}")


def is_slo(top: Value) -> bool:
    """Whether a document is an SLO: OpenSLO, the short form, Sloth or Pyrra."""
    version = top.word("apiVersion") or top.word("version")
    return (
        top.get("slos") is not None
        or version.startswith(("openslo/", "sloth.slok.dev/", "pyrra.dev/"))
        or (top.items is not None and any(is_slo(item) for item in top.items))
    )


def read_slos(source: Source, tops: list[Value]) -> Document:
    """Returns the queries of an SLO file; what is not PromQL there may be another language."""
    document = Document("slo", source)
    for top in tops:
        for slo in _parts(top):
            name = slo.word("metadata", "name") or slo.word("name")
            named = Named(name, slo.start)
            for text_value in _expressions(slo):
                text = text_value.text()
                if text is None:
                    continue
                query = read_query(text, "slo", name)
                if not isinstance(query, ParseError) and _reads_series(text.value):
                    document.queries.append((named, query))
    return document


def _reads_series(text: str) -> bool:
    """Whether a text is PromQL that says more than a bare word, which may be anything."""
    return any(sign in text for sign in "({[") and not _TEMPLATE.search(text)


def _parts(top: Value) -> Iterator[Value]:
    """Yields the SLOs of a document: those of its list, or itself."""
    if top.items is not None:
        for item in top.items:
            yield from _parts(item)
    elif top.each("slos"):
        yield from top.each("slos")
    else:
        yield top


def _expressions(value: Value) -> Iterator[Value]:
    for key, member in (value.members or {}).items():
        if key in _QUERY_KEYS and member.scalar is not None:
            yield member
        yield from _expressions(member)
    for item in value.items or ():
        yield from _expressions(item)
