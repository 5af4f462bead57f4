"""Comments and the configuration say which findings are known."""

import pytest

from vario.lint.facts import Facts, LogSchema
from vario.lint.options import Options, read_options
from vario.lint.run import RULES, lint
from vario.lint.source import Source
from vario.wire.document import DocumentError

RULE = """\
groups:
- name: g
  rules:
  - record: a
    expr: sum by (user_id) (rate(x_total[5m]))
  - record: b
    expr: sum by (user_id) (rate(x_total[5m]))
"""
FIRST, SECOND = ("VA101", 5), ("VA101", 7)


def found(text: str, name: str = "r.yml") -> list[tuple[str, int]]:
    return [(f.rule.code, f.place.line) for f in lint([Source(name, text)], Facts())]


def comment(text: str, after: str, said: str) -> str:
    return text.replace(after, f"{after}  # vario-lint: {said}", 1)


def test_without_comments_both_are_found() -> None:
    assert found(RULE) == [FIRST, SECOND]


def test_a_comment_behind_the_line_holds_for_it() -> None:
    assert found(comment(RULE, "(rate(x_total[5m]))", "disable=VA101")) == [SECOND]


def test_a_comment_behind_the_first_line_holds_for_the_whole_rule() -> None:
    assert found(comment(RULE, "- record: a", "disable=va101, VA106")) == [SECOND]


def test_a_comment_of_its_own_holds_for_what_begins_after_it() -> None:
    text = RULE.replace(
        "  - record: b", "  # vario-lint: disable=VA101\n  # for accounting\n  - record: b"
    )
    assert found(text) == [FIRST]


def test_a_comment_for_the_file_holds_everywhere() -> None:
    assert found(f"# vario-lint: disable-file=VA101\n{RULE}") == []


def test_other_codes_stay() -> None:
    assert found(comment(RULE, "- record: a", "disable=VA102")) == [FIRST, SECOND]


def test_a_code_that_there_is_not_is_named() -> None:
    assert found(comment(RULE, "- record: a", "disable=VA9")) == [("VA002", 4), FIRST, SECOND]


def test_the_description_of_a_panel_holds_for_the_panel() -> None:
    panel = (
        '{"title": "a", "type": "stat", "description": "NOTE",\n'
        '"targets": [{"expr": "sum by (user_id) (x)"}]}'
    )
    text = f'{{"panels": [{panel.replace("NOTE", "vario-lint: disable=VA101")},\n{panel}]}}'
    assert found(text, "d.json") == [("VA101", 4)]


def test_the_configuration_is_read() -> None:
    text = """
disable: [va207]
scrape_interval: 30s
high_cardinality_labels: [pod_uid]
buckets: {x_seconds: [0.5, 0.1]}
files: {"old/*.json": {disable: [VA401]}}
logs: {required: {time: string}, request: {cost: number}, ids: [trace_id]}
"""
    facts = Facts(
        scrape_interval_s=30.0,
        high_cardinality=frozenset({"pod_uid"}),
        buckets={"x_seconds": (0.1, 0.5)},
        logs=LogSchema({"time": "string"}, {"cost": "number"}, ("trace_id",)),
    )
    options = read_options(text, RULES)
    assert options == Options(facts, frozenset({"VA207"}), (("old/*.json", frozenset({"VA401"})),))
    assert options.disabled_in("old/a.json") == {"VA207", "VA401"}
    assert options.disabled_in("new/a.json") == {"VA207"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("disabel: [VA207]", 'field "disabel" is not known in the lint configuration'),
        ("disable: [VA999]", "there is no rule VA999"),
        ("scrape_interval: often", "scrape_interval: "),
        ("buckets: {x: [a]}", "'a' is no number"),
        ("logs: {required: {time: date}}", "time: 'date' is no type; types are boolean"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(text: str, message: str) -> None:
    with pytest.raises(DocumentError) as caught:
        read_options(text, RULES)
    assert str(caught.value).startswith(message)
    assert caught.value.line == 1
