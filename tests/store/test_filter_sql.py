"""Any filter means in SQL what it means in plain Python."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.filter_trees import DURATIONS, KEYS, WORDS, Row, matches, trees
from tests.support.otlp_factory import (
    KINDS,
    START_NS,
    STATUSES,
    logs_body,
    make_log,
    make_span,
    span_hex,
    traces_body,
)

from vario.model.filter import MATCH_ALL, And, Compare, Field, Filter, Not
from vario.model.telemetry import Signal
from vario.store.filter_sql import compile_filter

ROWS = 120


def draw_attributes(source: random.Random) -> dict[str, str]:
    names = (*KEYS, "model_name", "model_version", "cloud.region", "service.version")
    return {name: source.choice(WORDS) for name in names if source.random() < 0.4}


def draw_span(source: random.Random, number: int) -> tuple[bytes, Row]:
    attributes, resource = draw_attributes(source), draw_attributes(source)
    kind, status = source.choice(list(KINDS)), source.choice(list(STATUSES))
    parent = source.choice((0, 1))
    duration_ns = source.choice(DURATIONS)
    if source.random() < 0.3:
        attributes["http.response.status_code"] = source.choice(("200", "500", "x"))
    service, name = source.choice(WORDS), source.choice(WORDS)
    scope, message = source.choice(WORDS), source.choice(WORDS)
    span = make_span(
        name,
        trace=number % 7 + 1,
        span=number,
        parent=parent,
        duration_ns=duration_ns,
        kind=kind,
        status=status,
        message=message,
        attributes=attributes,
    )
    body = traces_body({"service.name": service, **resource}, span, scope=scope)
    own = {
        "name": name,
        "kind": kind.capitalize(),
        "status": status.capitalize(),
        "status_message": message,
        "duration": duration_ns,
        "error": status == "error" or attributes.get("http.response.status_code") == "500",
        "entry": kind in ("server", "consumer") or not parent,
        "parent_span_id": span_hex(parent) if parent else "",
        **shared(service, attributes, resource, scope),
        "trace_id": f"{number % 7 + 1:032x}",
        "span_id": span_hex(number),
    }
    return body, Row(own, attributes, {"service.name": service, **resource})


def draw_log(source: random.Random, number: int) -> tuple[bytes, Row]:
    attributes, resource = draw_attributes(source), draw_attributes(source)
    severity = source.choice((0, 0, 1, 9, 10, 13, 17, 20, 24))
    severity_text = source.choice(("", "warning", "ERROR", "notice"))
    service, text = source.choice(WORDS), source.choice(WORDS)
    scope, event = source.choice(WORDS), source.choice(WORDS)
    record = make_log(
        text,
        severity=severity,
        severity_text=severity_text,
        trace=number % 7,
        span=number,
        attributes=attributes,
        event_name=event,
    )
    body = logs_body({"service.name": service, **resource}, record, scope=scope)
    by_text = {"warning": 4, "ERROR": 5}.get(severity_text, 0)
    own = {
        "severity": (severity + 3) // 4 if severity else by_text,
        "body": text,
        "event_name": event,
        **shared(service, attributes, resource, scope),
        "trace_id": f"{number % 7:032x}" if number % 7 else "",
        "span_id": span_hex(number),
    }
    return body, Row(own, attributes, {"service.name": service, **resource}, severity)


def shared(service: str, attributes: dict, resource: dict, scope: str) -> dict[str, str]:
    def first(*values: str | None) -> str:
        return next((value for value in values if value), "")

    return {
        "service.name": service,
        "scope.name": scope,
        "model_name": first(attributes.get("model_name"), resource.get("model_name")),
        "model_version": first(
            attributes.get("model_version"),
            resource.get("model_version"),
            resource.get("service.version"),
        ),
        "region": first(
            attributes.get("region"), resource.get("region"), resource.get("cloud.region")
        ),
    }


TABLES = {Signal.TRACES: "otel_traces", Signal.LOGS: "otel_logs"}


def select(store, tree: Filter, signal: Signal) -> set[str]:
    condition = compile_filter(tree, signal)
    rows = store.engine.query_rows(
        f"SELECT SpanId FROM {TABLES[signal]} WHERE {condition.sql}", condition.params
    )
    assert len(rows) == len(set(rows))
    return {row[0] for row in rows}


@pytest.mark.parametrize(("signal", "draw"), [(Signal.TRACES, draw_span), (Signal.LOGS, draw_log)])
def test_sql_means_what_the_filter_says(store, signal: Signal, draw) -> None:
    source = random.Random(20250615)
    drawn = [draw(source, number) for number in range(1, ROWS + 1)]
    store.write_otlp(signal, b"".join(body for body, _ in drawn))
    rows = [row for _, row in drawn]

    @settings(max_examples=150, deadline=None, database=None)
    @given(tree=trees(signal))
    def check(tree: Filter) -> None:
        expected = {str(row.own["span_id"]) for row in rows if matches(tree, row, signal)}
        assert select(store, tree, signal) == expected

    check()


def test_a_value_is_never_sql(store) -> None:
    store.write_otlp(Signal.TRACES, traces_body("a", make_span("it's")))
    hostile = [
        "' OR 1 = 1 --",
        "\\' OR 1 --",
        "{f0:String}",
        "%s",
        "\x00",
        "'; DROP TABLE otel_traces",
    ]

    def selected(tree: Filter) -> int:
        return len(select(store, tree, Signal.TRACES))

    for text in hostile:
        for field in (Field("intrinsic", "name"), Field("attributes", text)):
            assert selected(Compare(field, "=", text)) == 0
            assert selected(Compare(field, "contains", text)) == 0
    assert selected(Compare(Field("intrinsic", "name"), "=", "it's")) == 1


@settings(max_examples=60, deadline=None, database=None)
@given(data=st.data())
def test_conditions_bind_every_value(data) -> None:
    tree = data.draw(trees(Signal.TRACES))
    condition = compile_filter(tree, Signal.TRACES)
    for name, value in condition.params.items():
        assert f"{{{name}:" in condition.sql
        if isinstance(value, str) and len(value) > 3:
            assert value not in condition.sql.replace("'true'", "").replace("'false'", "")


def test_everything_and_nothing(store) -> None:
    store.write_otlp(Signal.TRACES, traces_body("a", make_span(start_ns=START_NS)))
    assert len(select(store, MATCH_ALL, Signal.TRACES)) == 1
    assert select(store, Not(MATCH_ALL), Signal.TRACES) == set()
    assert len(select(store, And((MATCH_ALL, MATCH_ALL)), Signal.TRACES)) == 1
