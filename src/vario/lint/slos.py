"""SLO files: the queries in them, what their reader finds doubtful, and the rules about them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vario.lint.document import Document, Named
from vario.lint.facts import Facts
from vario.lint.finding import Check, Hit, Rule
from vario.lint.promql.labels import HIGH_CARDINALITY, PERSONAL_LABEL
from vario.lint.promql.percentiles import STRADDLE, straddled
from vario.lint.query import read_query
from vario.lint.source import Source
from vario.lint.value import Value
from vario.lint.words import is_personal_name, is_unique_label
from vario.query.promql.parser import ParseError
from vario.slo.load import check_text
from vario.slo.model import PLACEHOLDER, Place, Problem, Slo

_GOOD = """\
slos:
- name: infer-availability
  service: ml-infer
  owner: ml-serving
  runbook: runbooks/infer-availability.md
  sli:
    ratio:
      bad: sum(rate(inference_requests_total{status=~"5.."}[5m]))
      total: sum(rate(inference_requests_total[5m]))
  objective: 99.9%
  window: 30d
"""

_OPENSLO = """\
apiVersion: openslo/v1
kind: SLO
metadata:
  name: answered
  labels: {team: ml-serving}
  annotations: {runbook: https://wiki/answered}
spec:
  service: ml-infer
  indicator:
    metadata: {name: answered}
    spec:
      ratioMetric:
        counter: true
        bad: {metricSource: {type: Prometheus, spec: {query: 'sum(failures_total)'}}}
        total: {metricSource: {type: Prometheus, spec: {query: 'sum(requests_total)'}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.999}]
"""

NO_OWNER = Rule(
    "VA301",
    "slo-without-owner",
    "warning",
    ("slo",),
    "An SLO has no owner",
    "Its alerts are nobody's, and nobody decides what happens when the budget is spent.",
    _GOOD.replace("  owner: ml-serving\n", ""),
    _GOOD,
    "add owner, on the SLO or under defaults; in OpenSLO the label team or owner",
)
NO_RUNBOOK = Rule(
    "VA302",
    "slo-without-runbook",
    "warning",
    ("slo",),
    "An SLO has no runbook",
    "Whoever its alerts wake has to find out first what to look at.",
    _GOOD.replace("  runbook: runbooks/infer-availability.md\n", ""),
    _GOOD,
    "add runbook: a URL, or a file beside the SLO's",
)
TO_FILL_IN = Rule(
    "VA303",
    "slo-to-fill-in",
    "info",
    ("slo",),
    "A starter SLO is still to be filled in",
    "vario init knows the service, not who is to be told.",
    _GOOD.replace("owner: ml-serving", f"owner: {PLACEHOLDER}"),
    _GOOD,
    "say who is told, and how urgently",
)
DOUBTFUL = Rule(
    "VA304",
    "slo-doubtful",
    "warning",
    ("slo",),
    "Something in an SLO is read in another way than it may be meant, or not at all",
    "The SLO loads; what it does not do is easily overlooked.",
    _OPENSLO + "  alertPolicies: [{alertPolicyRef: elsewhere}]\n",
    _OPENSLO,
    "see what the message names",
)
NO_ALERT = Rule(
    "VA305",
    "slo-without-alert",
    "info",
    ("slo",),
    "An SLO tells nobody when its budget burns",
    "The budget is spent before someone looks at the page.",
    _GOOD + "  alerts: none\n",
    _GOOD,
    "leave alerts out: they follow from the period",
)

_QUERY_KEYS = frozenset(
    (
        *("query", "expr", "metric", "good", "bad", "total", "ratio"),
        *("error_query", "total_query", "error_ratio_query", "errorQuery", "totalQuery"),
        *("errorRatioQuery",),
    )
)
_TEMPLATE = re.compile(r"\{\{\s*\.window\s*\}\}")
_DUTIES = ("no owner", "no runbook")  # of these the rules speak themselves


@dataclass(frozen=True, slots=True)
class SloFile:
    """The SLOs of a file, and what their reader finds doubtful."""

    source: Source
    slos: tuple[Slo, ...]
    doubts: tuple[Problem, ...]

    def hit(self, place: Place, message: str) -> Hit:
        """Returns a hit where an SLO begins, or at a field of it."""
        start = self.source.offset(place.line - 1, place.column - 1)
        end = self.source.text.find("\n", start)
        return Hit(start, end if end >= 0 else len(self.source.text), message)


def is_slo(top: Value) -> bool:
    """Whether a document is an SLO: OpenSLO, the short form, Sloth or Pyrra."""
    version = top.word("apiVersion") or top.word("version")
    return (
        top.get("slos") is not None
        or version.startswith(("openslo", "sloth.slok.dev/", "pyrra.dev/"))
        or (top.items is not None and any(is_slo(item) for item in top.items))
    )


def read_slos(source: Source, tops: list[Value]) -> tuple[Document, SloFile]:
    """Returns the queries of an SLO file, and its SLOs."""
    document = Document("slo", source)
    found, problems = check_text(source.text, source.path)
    for problem in problems:
        start = source.offset(problem.place.line - 1, problem.place.column - 1)
        name = f'SLO "{problem.slo}": ' if problem.slo else ""
        document.faults.append(Hit(start, start + 1, name + problem.message))
    for top in tops:
        for slo in _parts(top):
            _read_queries(document, slo)
    return document, SloFile(source, found.slos, found.warnings)


def _read_queries(document: Document, slo: Value) -> None:
    """Adds the queries of an SLO; what is not PromQL there may be another language."""
    name = slo.word("metadata", "name") or slo.word("name")
    named = Named(name, slo.start)
    for value in _expressions(slo):
        text = value.text()
        if text is not None and _reads_series(text.value):
            query = read_query(text, "slo", name)
            if not isinstance(query, ParseError):
                document.queries.append((named, query))


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


def find_no_owner(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields SLOs that nobody owns."""
    for slo in file.slos:
        if slo.windows and not slo.owner:
            yield file.hit(slo.place, f"SLO {slo.name} has no owner")


def find_no_runbook(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields SLOs whose alerts come without a runbook."""
    for slo in file.slos:
        if slo.windows and not slo.runbook:
            yield file.hit(slo.place, f"SLO {slo.name} has no runbook")


def find_no_alert(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields SLOs that tell nobody."""
    for slo in file.slos:
        if not slo.windows:
            yield file.hit(slo.place, f"SLO {slo.name} has no alerts")


def find_to_fill_in(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields what `vario init` left to people."""
    for doubt in file.doubts:
        if PLACEHOLDER in doubt.message:
            yield file.hit(doubt.place, f"SLO {doubt.slo}: {doubt.message}")


def find_doubtful(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields what the reader of SLOs finds doubtful."""
    for doubt in file.doubts:
        if PLACEHOLDER not in doubt.message and not doubt.message.startswith(_DUTIES):
            name = f"SLO {doubt.slo}: " if doubt.slo else ""
            yield file.hit(doubt.place, name + doubt.message)


def find_straddled(file: SloFile, facts: Facts) -> Iterator[Hit]:
    """Yields latency objectives inside a bucket, where the bounds are known."""
    for slo in file.slos:
        bound = slo.sli.latency
        if bound is not None and bound.buckets == "exact":
            message = straddled(bound.metric, bound.bound, facts)
            if message:
                yield file.hit(slo.place, f"SLO {slo.name}: {message}")


def find_unique_groups(file: SloFile, facts: Facts) -> Iterator[Hit]:
    """Yields SLOs that are kept apart by a label that is unique to a user or a request."""
    for slo in file.slos:
        for label in (*slo.by, slo.breakdown):
            unique = is_unique_label(label) or label in facts.high_cardinality
            if unique and not is_personal_name(label):
                yield file.hit(slo.place, f"SLO {slo.name} is kept apart by {label}")


def find_personal_groups(file: SloFile, _facts: Facts) -> Iterator[Hit]:
    """Yields SLOs that are kept apart by a label that holds personal data."""
    for slo in file.slos:
        for label in (*slo.by, slo.breakdown):
            if is_personal_name(label):
                message = f"SLO {slo.name} is kept apart by {label}, which is personal data"
                yield file.hit(slo.place, message)


CHECKS: tuple[Check[SloFile], ...] = (
    Check(NO_OWNER, find_no_owner),
    Check(NO_RUNBOOK, find_no_runbook),
    Check(TO_FILL_IN, find_to_fill_in),
    Check(DOUBTFUL, find_doubtful),
    Check(NO_ALERT, find_no_alert),
    Check(STRADDLE, find_straddled),
    Check(HIGH_CARDINALITY, find_unique_groups),
    Check(PERSONAL_LABEL, find_personal_groups),
)
