"""What a rule file may be, and where the fault is said to be when it may not."""

from pathlib import Path

import pytest

from vario.alert.rulefile import (
    Problem,
    Rule,
    RuleFileError,
    RuleGroup,
    check_text,
    find_duplicates,
    load_rules,
)

CONFORMANCE = Path(__file__).parents[3] / "shared" / "conformance" / "rules"

WHOLE = """\
groups:
- name: model
  interval: 30s
  query_offset: 1m
  limit: 7
  labels: {team: ml, severity: ticket}
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
    labels: {tier: "1"}
  - alert: Down
    expr: |
      up == 0
    for: 5m
    keep_firing_for: 1h30m
    labels:
      severity: page
    annotations:
      summary: "{{ $labels.instance }} is down"
- name: empty
"""


def test_a_whole_file_is_read() -> None:
    groups, problems = check_text(WHOLE, "r.yml")
    assert problems == []
    assert groups == [
        RuleGroup(
            "r.yml",
            "model",
            (
                Rule(
                    "recording",
                    "job:up:sum",
                    "sum by (job) (up)",
                    labels={"team": "ml", "severity": "ticket", "tier": "1"},
                ),
                Rule(
                    "alerting",
                    "Down",
                    "up == 0\n",
                    for_ms=300_000,
                    keep_firing_for_ms=5_400_000,
                    labels={"team": "ml", "severity": "page"},
                    annotations={"summary": "{{ $labels.instance }} is down"},
                ),
            ),
            interval_ms=30_000,
            query_offset_ms=60_000,
            limit=7,
        ),
        RuleGroup("r.yml", "empty", ()),
    ]
    assert [rule.line for rule in groups[0].rules] == [8, 11]


@pytest.mark.parametrize("text", ["", "# nothing\n", "groups:\n", "groups: []\n", "---\n{}\n"])
def test_a_file_without_groups_is_no_fault(text: str) -> None:
    assert check_text(text, "r.yml") == ([], [])


def test_anchors_and_merge_keys_are_followed() -> None:
    text = """\
groups:
- name: a
  rules:
  - &base
    alert: A
    expr: up == 0
    for: 5m
    labels: &labels {severity: page, team: ml}
  - <<: *base
    alert: B
    labels: {<<: *labels, team: web}
"""
    groups, problems = check_text(text, "r.yml")
    assert problems == []
    assert groups[0].rules[1] == Rule(
        "alerting",
        "B",
        "up == 0",
        for_ms=300_000,
        labels={"severity": "page", "team": "web"},
    )


def test_any_scalar_is_a_text_where_a_text_is_wanted() -> None:
    text = """\
groups:
- name: 1
  labels: {a: 1, b: true, c: 1.50, d: }
  rules: [{record: x, expr: 1}]
"""
    groups, problems = check_text(text, "r.yml")
    assert problems == []
    labels = {"a": "1", "b": "true", "c": "1.50", "d": ""}
    assert groups == [RuleGroup("r.yml", "1", (Rule("recording", "x", "1", labels=labels),))]


def rule(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"groups:\n- name: g\n  rules:\n  -\n{lines}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\n", 'r.yml:1:1: field "a" is not known in a rule file; known here: groups'),
        ("groups: 5\n", "r.yml:1:9: groups must be a list, not a value"),
        ("groups: [\n", "r.yml:2:1: this is not YAML: did not find expected node content"),
        ("groups:\n- 5\n", "r.yml:2:3: a group must be a mapping, not a value"),
        ("groups:\n- rules: []\n", "r.yml:2:3: a group must have a name"),
        (
            "groups:\n- name: a\n- name: b\n- name: a\n",
            'r.yml:4:9: groupname: "a" is repeated in the same file; rename one',
        ),
        (
            "groups:\n- name: a\n  name: b\n",
            'r.yml:3:3: "name" is given twice in a group',
        ),
        (
            "groups:\n- name: a\n  interval: 1x\n",
            'r.yml:3:13: interval: unknown unit "x" in duration "1x"',
        ),
        (
            "groups:\n- name: a\n  interval: 5\n",
            'r.yml:3:13: interval: not a valid duration string: "5"',
        ),
        ("groups:\n- name: a\n  limit: many\n", "r.yml:3:10: limit must be a whole number"),
        (
            "groups:\n- name: a\n  labels: {__name__: x}\n",
            'r.yml:3:11: group "a": invalid label name: __name__',
        ),
        (
            rule("alert: A\nexpr: up\nfoo: 1"),
            'r.yml:7:5: group "g", rule 1, "": field "foo" is not known in a rule; known here: ',
        ),
        (
            rule("alert: A\nrecord: b\nexpr: up"),
            "group \"g\", rule 1, \"A\": only one of 'record' and 'alert' must be set",
        ),
        (rule("expr: up"), "r.yml:5:5: group \"g\", rule 1, \"\": one of 'record' or 'alert' must"),
        (rule("alert: A"), "rule 1, \"A\": field 'expr' must be set in a rule"),
        (
            rule("alert: A\nexpr: sum(up"),
            'r.yml:6:11: group "g", rule 1, "A": could not parse expression: 1:7: parse error: '
            "unclosed left parenthesis",
        ),
        (
            rule("record: a\nexpr: up\nfor: 5m"),
            'r.yml:7:10: group "g", rule 1, "a": invalid field \'for\' in recording rule',
        ),
        (rule("record: a\nexpr: up\nkeep_firing_for: 5m"), "invalid field 'keep_firing_for'"),
        (rule("record: a\nexpr: up\nannotations: {a: b}"), "invalid field 'annotations'"),
        (
            rule("record: sum(up{})\nexpr: up"),
            "braces present in the recording rule name; should it be in expr?: sum(up{})",
        ),
        (rule("alert: A\nexpr: up\nlabels: {__name__: x}"), "invalid label name: __name__"),
        (rule('alert: A\nexpr: up\nannotations: {"": x}'), "invalid annotation name: ''"),
        (
            rule('alert: A\nexpr: up\nlabels: {x: "{{ $nope }}"}'),
            'label "x": template: __alert_A:1: undefined variable "$nope"',
        ),
        (
            rule('alert: A\nexpr: up\nannotations:\n  x: "{{ nope }}"'),
            'r.yml:8:7: group "g", rule 1, "A": annotation "x": template: __alert_A:1: '
            'function "nope" not defined',
        ),
    ],
)
def test_a_fault_is_said_with_its_place(text: str, said: str) -> None:
    _, problems = check_text(text, "r.yml")
    assert said in "\n".join(map(str, problems))
    assert len(problems) == 1


def test_every_fault_of_a_file_is_found() -> None:
    text = (
        "groups:\n- name: a\n  rules:\n  - {alert: A, expr: 'up ='}\n  - {record: b}\n- name: a\n"
    )
    _, problems = check_text(text, "r.yml")
    assert [(p.line, p.group, p.rule, p.rule_name) for p in problems] == [
        (4, "a", 1, "A"),
        (5, "a", 2, "b"),
        (6, "", 0, ""),
    ]


def test_files_are_found_by_glob_and_named_as_asked(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yml", "c.txt"):
        (tmp_path / name).write_text(f"groups: [{{name: {name[0]}}}]\n", encoding="utf-8")
    found = load_rules([str(tmp_path / "*.yml"), str(tmp_path / "a.yml"), str(tmp_path / "z*")])
    assert found == [
        RuleGroup(str(tmp_path / "a.yml"), "a", ()),
        RuleGroup(str(tmp_path / "b.yml"), "b", ()),
    ]


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(tmp_path / "absent.yml")
    with pytest.raises(RuleFileError) as caught:
        load_rules([path])
    assert caught.value.problems == (
        Problem(path, 1, 1, "cannot be read: No such file or directory"),
    )
    assert str(caught.value) == f"{path}:1:1: cannot be read: No such file or directory"


def test_rules_that_come_twice_are_found() -> None:
    text = (
        "groups:\n- name: a\n  rules:\n  - {record: b, expr: up}\n"
        "  - {record: b, expr: down}\n  - {record: b, expr: up, labels: {x: y}}\n"
    )
    groups, _ = check_text(text, "r.yml")
    assert find_duplicates(groups) == [(Rule("recording", "b", "up"), 2)]


@pytest.mark.conformance
def test_the_public_rule_files_load() -> None:
    if not CONFORMANCE.is_dir():
        pytest.skip(f"SKIPPED LOUDLY: no public rule files at {CONFORMANCE}")
    files = sorted(str(path) for path in CONFORMANCE.rglob("*.y*ml"))
    groups = load_rules(files)
    assert len(files) == 112
    assert len(groups) == 112
    assert sum(len(group.rules) for group in groups) == 954
