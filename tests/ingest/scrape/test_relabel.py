import hashlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vario.errors import BadData
from vario.ingest.scrape.relabel import (
    ACTIONS,
    RelabelRule,
    compile_regex,
    expand_template,
    relabel,
)

A = {"a": "foo", "b": "bar", "c": "baz"}


# The cases are those of Prometheus' documentation and of its configuration reference.
@pytest.mark.parametrize(
    ("labels", "rules", "expected"),
    [
        (
            A,
            [RelabelRule(source_labels=("a",), regex="f(.*)", target_label="d",
                         separator=";", replacement="ch${1}-ch${1}")],
            A | {"d": "choo-choo"},
        ),
        (
            A,
            [
                RelabelRule(source_labels=("a", "b"), regex="f(.*);(.*)r", target_label="a",
                            replacement="b${1}${2}m"),
                RelabelRule(source_labels=("c", "a"), regex="(b).*b(.*)ba(.*)", target_label="d",
                            replacement="$1$2$2$3"),
            ],
            {"a": "boobam", "b": "bar", "c": "baz", "d": "boooom"},
        ),
        ({"a": "foo"}, [RelabelRule("drop", ("a",), regex=".*o.*")], None),
        ({"a": "foo"}, [RelabelRule("drop", ("a",), regex="o")], {"a": "foo"}),
        ({"a": "foo"}, [RelabelRule("keep", ("a",), regex="no-match")], None),
        ({"a": "foo"}, [RelabelRule("keep", ("a",), regex="f|foo")], {"a": "foo"}),
        ({"a": "x\ny"}, [RelabelRule("keep", ("a",), regex="x.y")], {"a": "x\ny"}),
        ({"a": "foo"}, [RelabelRule("keep", ("missing",), regex="")], {"a": "foo"}),
        ({"a": "foo"}, [RelabelRule(source_labels=("a",), regex="x(.*)", target_label="b")],
         {"a": "foo"}),
        ({"a": "foo"}, [RelabelRule(target_label="b", replacement="x")], {"a": "foo", "b": "x"}),
        ({"a": "foo", "b": "x"}, [RelabelRule(source_labels=("none",), target_label="b")],
         {"a": "foo"}),
        ({"a": "some-name-value"},
         [RelabelRule(source_labels=("a",), regex="some-([^-]+)-([^,]+)", target_label="${1}",
                      replacement="${2}")],
         {"a": "some-name-value", "name": "value"}),
        ({"a": "foo"}, [RelabelRule(source_labels=("a",), regex="(x)?foo", target_label="${1}",
                                    replacement="lost")], {"a": "foo"}),
        ({"a": "foo"}, [RelabelRule(source_labels=("a",), regex="(?P<n>f)oo", target_label="b",
                                    replacement="$$${n}$nx$9-$")], {"a": "foo", "b": "$f-$"}),
        (A, [RelabelRule("hashmod", ("c",), target_label="d", separator=";", modulus=1000)],
         A | {"d": "976"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [RelabelRule("labelmap", regex="(b.*)",
                                                              replacement="bar_${1}")],
         {"a": "foo", "b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"}),
        ({"__meta_my_bar": "aaa", "__meta_other": "z"},
         [RelabelRule("labelmap", regex="__meta_(my.*)")],
         {"__meta_my_bar": "aaa", "__meta_other": "z", "my_bar": "aaa"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [RelabelRule("labeldrop", regex="(b.*)")],
         {"a": "foo"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [RelabelRule("labelkeep", regex="(b.*)")],
         {"b1": "bar", "b2": "baz"}),
        ({"foo": "bAr123Foo"}, [
            RelabelRule("uppercase", ("foo",), target_label="up"),
            RelabelRule("lowercase", ("foo",), target_label="low")],
         {"foo": "bAr123Foo", "up": "BAR123FOO", "low": "bar123foo"}),
        ({"a": "1:80", "p": "80"}, [RelabelRule("keepequal", ("p",), target_label="q")], None),
        ({"p": "80", "q": "80"}, [RelabelRule("keepequal", ("p",), target_label="q")],
         {"p": "80", "q": "80"}),
        ({"p": "80", "q": "80"}, [RelabelRule("dropequal", ("p",), target_label="q")], None),
        ({"p": "80"}, [RelabelRule("dropequal", ("p",), target_label="q")], {"p": "80"}),
        ({"a": "", "b": "x"}, [], {"b": "x"}),
    ],
)  # fmt: skip
def test_relabel(labels: dict[str, str], rules: list[RelabelRule], expected: dict[str, str] | None):
    assert relabel(labels, rules) == expected


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"action": "hashmod", "target_label": "x"}, "requires a modulus"),
        ({"action": "replace"}, "requires target_label"),
        ({"action": "lowercase"}, "requires target_label"),
        ({"action": "keepequal", "target_label": "x", "regex": "y"}, "takes only source_labels"),
        ({"action": "labeldrop", "source_labels": ("x",)}, "takes only regex"),
        ({"action": "uppercase", "target_label": "x", "replacement": "y"}, "takes no replacement"),
        ({"target_label": "x", "regex": "("}, "cannot be parsed"),
        ({"target_label": "x", "regex": r"(?=a)"}, "cannot be parsed"),
    ],
)
def test_rules_that_make_no_sense(fields: dict[str, object], why: str):
    with pytest.raises(BadData, match=why):
        RelabelRule(**fields)  # pyright: ignore[reportArgumentType]


label_sets = st.dictionaries(
    st.sampled_from(["a", "b", "c", "__address__", "job"]),
    st.text(alphabet="abAB01;:é\n"),
    max_size=5,
)
regexes = st.sampled_from(
    [
        "(.*)",
        "",
        "a",
        "a.*",
        "(a)(.*)",
        "([^;]*);?(.*)",
        "[abc]",
        ".*b",
        "(?P<x>.)(.*)?",
        "__(.*)__",
    ]
)
templates = st.sampled_from(["$1", "$2", "x", "", "${1}-$2", "$$", "${x}", "$1_$3", "a"])


@st.composite
def any_rule(draw: st.DrawFn) -> RelabelRule:
    action = draw(st.sampled_from(ACTIONS))
    fields: dict[str, object] = {"action": action}
    names = st.lists(st.sampled_from(["a", "b", "c", "none"]), max_size=3).map(tuple)
    if action in ("labeldrop", "labelkeep"):
        fields["regex"] = draw(regexes)
    elif action in ("keepequal", "dropequal"):
        fields |= {"source_labels": draw(names), "target_label": draw(st.sampled_from("abc"))}
    else:
        fields |= {"source_labels": draw(names), "regex": draw(regexes)}
        fields["separator"] = draw(st.sampled_from([";", "", "::"]))
        fields["target_label"] = draw(st.sampled_from(["a", "d"]))
        if action == "replace":
            fields["target_label"] = draw(st.sampled_from(["a", "d", "${1}x"]))
        if action in ("replace", "labelmap"):
            fields["replacement"] = draw(templates)
        if action == "hashmod":
            fields["modulus"] = draw(st.integers(1, 1 << 64))
    return RelabelRule(**fields)  # pyright: ignore[reportArgumentType]


def by_the_book(labels: dict[str, str], rule: RelabelRule) -> dict[str, str] | None:
    """The configuration reference, sentence by sentence, over Python's regular expressions."""
    labels = {k: v for k, v in labels.items() if v}
    joined = rule.separator.join(labels.get(name, "") for name in rule.source_labels)
    regex = re.compile(rule.regex, re.DOTALL)
    match = regex.fullmatch(joined)

    def fill(template: str, found: re.Match[str]) -> str:
        def one(reference: re.Match[str]) -> str:
            if reference[0] == "$$":
                return "$"
            name = reference[1] or reference[2]
            try:
                return found[int(name) if name.isdigit() else name] or ""
            except (IndexError, KeyError):
                return ""

        return re.sub(r"\$\$|\$(\w+)|\$\{(\w+)\}", one, template)

    out = dict(labels)
    match rule.action:
        case "keep":
            return out if match else None
        case "drop":
            return None if match else out
        case "keepequal":
            return out if labels.get(rule.target_label, "") == joined else None
        case "dropequal":
            return None if labels.get(rule.target_label, "") == joined else out
        case "labeldrop":
            return {k: v for k, v in labels.items() if not regex.fullmatch(k)}
        case "labelkeep":
            return {k: v for k, v in labels.items() if regex.fullmatch(k)}
        case "labelmap":
            for name, value in labels.items():
                if found := regex.fullmatch(name):
                    out[fill(rule.replacement, found)] = value
        case "hashmod":
            number = int(hashlib.md5(joined.encode()).hexdigest()[16:], 16)
            out[rule.target_label] = str(number % rule.modulus)
        case "lowercase":
            out[rule.target_label] = joined.lower()
        case "uppercase":
            out[rule.target_label] = joined.upper()
        case "replace":
            if match and (target := fill(rule.target_label, match)):
                out[target] = fill(rule.replacement, match)
    return {k: v for k, v in out.items() if v}


@given(label_sets, any_rule())
def test_every_action_does_what_the_reference_says(labels: dict[str, str], rule: RelabelRule):
    assert relabel(labels, [rule]) == by_the_book(labels, rule)


@given(label_sets, st.lists(any_rule(), max_size=4))
def test_rules_follow_each_other(labels: dict[str, str], rules: list[RelabelRule]):
    expected: dict[str, str] | None = {k: v for k, v in labels.items() if v}
    for rule in rules:
        expected = None if expected is None else relabel(expected, [rule])
    assert relabel(labels, rules) == expected


@given(st.text(alphabet="$1{}ax_\\ "))
def test_any_template_can_be_expanded(template: str):
    match = compile_regex("(?P<a>f)(oo)").fullmatch("foo")
    expand_template(template, match)
    if "$" not in template:
        assert expand_template(template, match) == template
