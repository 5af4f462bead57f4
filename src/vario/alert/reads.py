"""Which series an expression reads: what tells whether a rule needs an earlier rule's results."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from vario.alert.rulefile import Rule
from vario.query.promql.features import ALL_FEATURES
from vario.query.promql.nodes import Call, VectorSelector
from vario.query.promql.parser import parse


def find_metrics_read(rule: Rule) -> frozenset[str] | None:
    """Returns the names of the metrics that a rule reads, None where it may read any.

    A template that queries, a selector without an exact name, and `info()` may read any.
    """
    if any("query" in text for text in (*rule.labels.values(), *rule.annotations.values())):
        return None
    names: set[str] = set()
    for node in _walk(parse(rule.expr, ALL_FEATURES)):
        if isinstance(node, Call) and node.name == "info":
            return None
        if isinstance(node, VectorSelector):
            exact = {m.value for m in node.matchers if (m.name, m.op) == ("__name__", "=")}
            exact |= {node.name} if node.name else set()
            if not exact:
                return None
            names |= exact
    return frozenset(names)


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for entry in fields(node):
        value = getattr(node, entry.name)
        for part in value if isinstance(value, tuple) else (value,):
            if is_dataclass(part) and not isinstance(part, type):
                yield from _walk(part)
