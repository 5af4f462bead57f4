"""Templates against what Prometheus makes of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.support.promtool import Promtool, write_yaml

from vario.alert.template import Expander, Links, TemplateError, check_template
from vario.alert.template.format import shortest_float, sprintf
from vario.errors import BadData

CASES = yaml.safe_load((Path(__file__).parent / "cases" / "templates.yml").read_text("utf-8"))
LABELS = {"__name__": "m", "instance": "h:9090", "job": "j"}
URL = "http://x.org/pre"


def answer(query: str) -> list[tuple[dict[str, str], float]]:
    if query == "nope(":
        raise BadData("1:6: parse error: unclosed left parenthesis")
    return [(LABELS, 1.5)] if query == "m" else []


def expand(template: str) -> str:
    expander = Expander("A", answer, external_labels={"cluster": "c1"}, links=Links(URL))
    return expander.expand(template, LABELS, 1.5)


@pytest.mark.parametrize("case", CASES["expands"], ids=lambda case: case["template"])
def test_a_template_expands(case: dict[str, str]) -> None:
    assert expand(case["template"]) == case["text"]


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["template"])
def test_what_is_no_template_is_refused(case: dict[str, str]) -> None:
    with pytest.raises(TemplateError) as caught:
        check_template("A", case["template"])
    assert str(caught.value) == f"template: __alert_A:1: {case['error']}"
    assert expand(case["template"]) == (
        "<error expanding template: error parsing template __alert_A: "
        f"template: __alert_A:1: {case['error']}>"
    )


def alert(annotations: dict[str, str]) -> dict[str, Any]:
    rule = {"alert": "A", "expr": "m", "annotations": annotations}
    return {"groups": [{"name": "g", "rules": [rule]}]}


@pytest.mark.conformance
def test_promtool_expands_them_likewise(promtool: Promtool, tmp_path: Path) -> None:
    templates = {f"a{i}": case["template"] for i, case in enumerate(CASES["expands"])}
    texts = {f"a{i}": case["text"] for i, case in enumerate(CASES["expands"])}
    write_yaml(tmp_path / "rules.yml", alert(templates))
    labels = {name: value for name, value in LABELS.items() if name != "__name__"}
    expected = {"exp_labels": labels, "exp_annotations": texts}
    checks = [{"eval_time": "1m", "alertname": "A", "exp_alerts": [expected]}]
    test = {
        "interval": "1m",
        "input_series": [{"series": 'm{instance="h:9090",job="j"}', "values": "1.5 1.5"}],
        "external_labels": {"cluster": "c1"},
        "external_url": URL,
        "alert_rule_test": checks,
    }
    path = write_yaml(tmp_path / "test.yml", {"rule_files": ["rules.yml"], "tests": [test]})
    right = promtool("test", "rules", path)
    assert right.returncode == 0, right.stdout + right.stderr

    texts["a0"] += "!"
    write_yaml(path, {"rule_files": ["rules.yml"], "tests": [test]})
    assert promtool("test", "rules", path).returncode == 1


@pytest.mark.conformance
def test_promtool_refuses_them_likewise(promtool: Promtool, tmp_path: Path) -> None:
    templates = {f"a{i}": case["template"] for i, case in enumerate(CASES["refused"])}
    said = promtool("check", "rules", write_yaml(tmp_path / "rules.yml", alert(templates))).stderr
    found = re.findall(r'annotation "a(\d+)": template: __alert_A:1: (.*)', said)
    assert {int(i): text for i, text in found} == {
        i: case["error"] for i, case in enumerate(CASES["refused"])
    }


def test_links_lead_to_the_external_url() -> None:
    assert expand('{{ externalURL }}{{ graphLink "up" }} {{ pathPrefix }}') == (
        "http://x.org/pre/graph?g0.expr=up&g0.tab=0 /pre"
    )


def test_a_query_that_fails_is_said_in_the_text() -> None:
    assert expand('{{ query "nope(" }}') == (
        "<error expanding template: error executing template __alert_A: template: __alert_A:1:115:"
        ' executing "__alert_A" at <query "nope(">: error calling query: 1:6: parse error: '
        "unclosed left parenthesis>"
    )


def test_templates_that_call_each_other_for_ever_end() -> None:
    text = expand('{{ define "r" }}{{ template "r" }}{{ end }}{{ template "r" }}')
    assert "exceeded maximum template depth" in text


def test_text_without_actions_is_left_as_it_is() -> None:
    assert expand("100% }} {") == "100% }} {"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_as_it_was(value: float) -> None:
    assert float(shortest_float(value)) == value


@given(st.text(), st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.text())))
def test_printf_never_fails(form: str, arguments: list[Any]) -> None:
    assert isinstance(sprintf(form, arguments), str)


@given(st.text(alphabet='{}-/*"`$.|()=: \n\tabifendrange09'))
def test_no_text_breaks_the_parser(text: str) -> None:
    try:
        check_template("A", "{{" + text)
    except TemplateError:
        assert expand("{{" + text).startswith("<error expanding template: error parsing template")
    else:
        assert isinstance(expand("{{" + text), str)
