"""Documents of OpenSLO that nobody here wrote: they load, or are refused, as their names say."""

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from vario.slo.load import check_file, check_text

FOLDER = Path(__file__).parents[3] / "shared" / "conformance" / "openslo"
FILES = sorted(str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*.yaml"))
REFUSED = {
    "validate/invalid-apiversion.yaml": [(1, 'apiVersion "foo" is not supported')],
    "validate/unknown-field.yaml": [(6, 'field "markdown" is not known in the spec of Service')],
    "validate/v1alpha.yaml": [
        (1, 'apiVersion "openslo/v1alpha" is not supported'),
        (8, 'apiVersion "openslo/v1alpha" is not supported'),
        (13, 'apiVersion "openslo/v1alpha" is not supported'),
        (40, 'apiVersion "openslo/v1alpha" is not supported'),
    ],
    "validate/v2alpha.yaml": [
        (1, 'apiVersion "openslo.com/v2alpha" is not supported'),
        (38, 'apiVersion "openslo.com/v2alpha" is not supported'),
        (47, 'apiVersion "openslo.com/v2alpha" is not supported'),
    ],
}


@pytest.mark.conformance
@pytest.mark.parametrize("name", FILES or [None])
def test_a_document_loads_or_is_refused_with_its_field_and_line(name: str | None) -> None:
    if name is None:
        pytest.skip(f"NO CONFORMANCE CASES: {FOLDER} is not there, nothing was checked against it")
    found, problems = check_file(str(FOLDER / name))
    wanted = REFUSED.get(name, [])
    assert [problem.place.line for problem in problems] == [line for line, _ in wanted]
    for problem, (_, said) in zip(problems, wanted, strict=True):
        assert problem.message.startswith(said)
    assert bool(found.slos or found.others) is (not wanted)


@pytest.mark.conformance
def test_nothing_is_refused_that_is_not_there(conformance: Path) -> None:
    assert set(REFUSED) <= set(FILES), conformance


SLO = """\
apiVersion: openslo/v1
kind: SLO
metadata: {name: Web Availability, labels: {team: [web, search]}}
spec:
  service: web
  budgetingMethod: METHOD
  timeWindow: [{duration: 28d, isRolling: true}]
  indicatorRef: ok
  objectives: [{target: 0.99, timeSliceTarget: 0.95, timeSliceWindow: 1m}]
  alertPolicies: [{alertPolicyRef: fast}]
---
apiVersion: openslo/v1
kind: SLI
metadata: {name: ok}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: 'sum(http_requests_total{code="200"})'}}}
    total: {metricSource: {type: Prometheus, spec: {query: sum(http_requests_total)}}}
---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: {name: fast}
spec:
  conditions:
  - kind: AlertCondition
    metadata: {name: burns}
    spec:
      severity: page
      condition: {kind: burnrate, op: gt, threshold: 5, lookbackWindow: 1h, alertAfter: 2m}
"""


@pytest.mark.parametrize(
    ("method", "bad"),
    [
        (
            "Occurrences",
            snapshot(
                "((sum(rate(http_requests_total[{{.window}}]))) - ((sum(rate(http_requests_total"
                '{code="200"}[{{.window}}]))) or (sum(rate(http_requests_total[{{.window}}]))) * 0)'
                ")"
            ),
        ),
        (
            "Timeslices",
            snapshot(
                '1 - (((sum(rate(http_requests_total{code="200"}[60s]))) / '
                "(sum(rate(http_requests_total[60s])) > 0)) >= bool 0.95)"
            ),
        ),
        (
            "RatioTimeslices",
            snapshot(
                '1 - (sum(rate(http_requests_total{code="200"}[60s]))) / '
                "(sum(rate(http_requests_total[60s])) > 0)"
            ),
        ),
    ],
)
def test_budgeting_methods_and_references(method: str, bad: str) -> None:
    found, problems = check_text(SLO.replace("METHOD", method), "o.yml")
    assert problems == []
    (slo,) = found.slos
    assert (slo.name, slo.owner, slo.target, slo.period.words) == (
        *("web-availability", "web, search"),
        *(0.99, "28-day"),
    )
    assert slo.sli.bad == bad
    (alert,) = slo.windows
    assert (alert.severity, alert.long_s, alert.short_s, alert.factor, alert.for_s) == (
        *("page", 3600, 300),
        *(5.0, 120),
    )


def test_a_reference_to_nothing_is_refused() -> None:
    text = SLO.replace("indicatorRef: ok", "indicatorRef: absent").replace("METHOD", "Occurrences")
    _, problems = check_text(text, "o.yml")
    assert [str(problem) for problem in problems] == [
        'o.yml:8:17: SLO "Web Availability": indicatorRef: no SLI "absent" stands in this file'
    ]
