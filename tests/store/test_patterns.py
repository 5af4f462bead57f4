"""Log patterns: what stays the same in bodies, counted in a window and before it."""

from tests.support.otlp_factory import MINUTE, MS, SECOND, START_NS, logs_body, make_log, trace_hex

from vario.model.filter import MATCH_ALL, And, Compare, Field
from vario.model.pattern import FieldCounts
from vario.model.telemetry import Signal, TimeRange

BEFORE = TimeRange(START_NS, START_NS + 10 * MINUTE)
AFTER = TimeRange(START_NS + 10 * MINUTE, START_NS + 20 * MINUTE)


def write(store, *records, service: str = "ml-infer") -> None:
    store.write_otlp(Signal.LOGS, logs_body(service, *records))


def templates(found) -> list[tuple[str, str, int, int]]:
    return [(one.severity, one.template, one.baseline, one.count) for one in found.patterns]


def test_records_that_differ_in_numbers_ids_and_quotes_are_one_pattern(store) -> None:
    bodies = [
        "request 98f7-21ab took 142 ms",
        "request 1 took 9.5 ms",
        "request 4fdc1a3c9d8be321 took 1e3 ms",
        'no user "Ada Lovelace" in [1, 2, 3]',
        "no user 'x \"y\" z' in [4]",
        "can't reach 10.0.0.3:8080, won't retry",
        "plain words",
    ]
    write(store, *(make_log(body, time_ns=START_NS + n) for n, body in enumerate(bodies)))
    assert templates(store.find_log_patterns(MATCH_ALL, BEFORE)) == [
        ("INFO", "request <*> took <*> ms", 0, 3),
        ("INFO", "no user <*> in [<*>]", 0, 2),
        ("INFO", "can't reach <*>, won't retry", 0, 1),
        ("INFO", "plain words", 0, 1),
    ]


def test_window_and_baseline_are_counted_by_step(store) -> None:
    write(
        store,
        *(make_log(f"took {n} ms", time_ns=START_NS + n * MINUTE) for n in range(20)),
        *(
            make_log(
                "the feature store did not answer within 0.4 s",
                severity="error",
                trace=n,
                time_ns=AFTER.start_ns + n * 50 * SECOND,
            )
            for n in (1, 2)
        ),
        make_log("outside", time_ns=AFTER.end_ns),
    )
    found = store.find_log_patterns(MATCH_ALL, AFTER, baseline=BEFORE)
    assert (found.records, found.baseline_records, found.sampled) == (12, 10, 1.0)
    took, failed = found.patterns
    assert (took.baseline, took.count, sum(took.counts)) == (10, 10, 20)
    assert failed.severity == "ERROR"
    assert failed.counts == (0,) * 13 + (1, 1) + (0,) * 9
    assert failed.first_ns == AFTER.start_ns + 50 * SECOND
    (example,) = failed.examples
    assert (example.body, example.trace_id, example.severity_text) == (
        "the feature store did not answer within 0.4 s",
        trace_hex(2),
        "ERROR",
    )


def test_one_word_that_takes_many_values_is_a_wildcard(store) -> None:
    cities = ["Ankara", "Berlin", "Cairo", "Dakar", "Essen", "Fargo", "Genoa", "Hanoi", "Izmir"]
    write(
        store,
        *(make_log(f"no weather for {city} now", time_ns=START_NS + n) for n, city in
          enumerate(cities)),
        *(make_log(f"cache {word} for user {n}", time_ns=START_NS + n) for n in range(3)
          for word in ("hit", "miss")),
    )  # fmt: skip
    assert templates(store.find_log_patterns(MATCH_ALL, BEFORE)) == [
        ("INFO", "no weather for <*> now", 0, 9),
        ("INFO", "cache hit for user <*>", 0, 3),
        ("INFO", "cache miss for user <*>", 0, 3),
    ]


def test_a_filter_limits_what_is_counted(store) -> None:
    write(store, make_log("a", attributes={"region": "us"}), make_log("b"))
    write(store, make_log("c", attributes={"region": "us"}), service="gateway")
    where = And(
        (
            Compare(Field("intrinsic", "service.name"), "=", "ml-infer"),
            Compare(Field("intrinsic", "region"), "=", "us"),
        )
    )
    assert templates(store.find_log_patterns(where, BEFORE)) == [("INFO", "a", 0, 1)]


def test_of_many_records_some_seconds_are_read_and_the_share_is_said(store) -> None:
    records = [
        make_log(f"took {n} ms", time_ns=START_NS + n * 100 * MS, attributes={"hit": n % 4 == 0})
        for n in range(6_000)
    ]
    write(store, *records)
    found = store.find_log_patterns(MATCH_ALL, BEFORE, most_records=1_000)
    (pattern,) = found.patterns
    assert found.sampled < 0.4
    assert pattern.count == found.records == round(found.sampled * 6_000)


def test_values_of_fields_with_few_of_them(store) -> None:
    write(
        store,
        *(
            make_log(
                "served",
                time_ns=START_NS + n * MINUTE // 4,
                attributes={"cache_hit": n % 4 < (1 if n >= 40 else 3), "request_id": f"r{n}"},
            )
            for n in range(80)
        ),
    )
    assert store.find_log_fields(MATCH_ALL, AFTER, BEFORE) == [
        FieldCounts("cache_hit", {"false": 30, "true": 10}, {"false": 10, "true": 30})
    ]
