"""Commands that ask a running server, against one."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import click
import orjson
import pytest
from click.testing import CliRunner, Result
from inline_snapshot import snapshot
from tests.conftest import KEEP_FOR_YEARS, START_NS
from tests.support.otlp_factory import (
    MS,
    SECOND,
    logs_body,
    make_gauge,
    make_log,
    make_point,
    make_span,
    metrics_body,
    trace_hex,
    traces_body,
)
from tests.support.server import serving, settings_for

from vario.cli.output import format_duration, sparkline
from vario.cli.root import COMMANDS, root
from vario.cli.traces import walk
from vario.clock import ManualClock
from vario.model.telemetry import Signal
from vario.store.clickhouse import open_store
from vario.store.engine import Engine

Run = Callable[..., Result]
PAST_NS = START_NS - 60 * SECOND


@pytest.fixture(scope="module")
def address(embedded_engine: Engine) -> Iterator[str]:
    """A server that holds one trace, two log records and one series."""
    settings = settings_for("chdb://memory/asked")
    few = replace(settings.store, reader_threads=1, retention=KEEP_FOR_YEARS)
    clock = ManualClock(START_NS)
    store = open_store(few, clock)
    entry = make_span(
        "GET /predict", trace=7, span=1, kind="server", start_ns=PAST_NS, duration_ns=20 * MS
    )
    step = make_span(
        "ml-infer.predict",
        trace=7,
        span=2,
        parent=1,
        start_ns=PAST_NS + 5 * MS,
        duration_ns=10 * MS,
        status="error",
    )
    store.write_otlp(Signal.TRACES, traces_body("ml-infer", entry, step))
    records = [
        make_log("slow cache", time_ns=PAST_NS, severity="warn", trace=7, span=2),
        make_log("done", time_ns=PAST_NS + SECOND),
    ]
    store.write_otlp(Signal.LOGS, logs_body("ml-infer", *records))
    points = [make_point(n, time_ns=PAST_NS + n * 10 * SECOND) for n in range(1, 6)]
    store.write_otlp(Signal.METRICS, metrics_body("ml-infer", make_gauge("depth", *points)))
    try:
        with serving(replace(settings, store=few), clock) as addresses:
            yield addresses.api
    finally:
        store.engine.command("DROP DATABASE asked SYNC")
        store.close()


@pytest.fixture
def run(address: str) -> Run:
    def invoke(*arguments: str, server: str = address) -> Result:
        return CliRunner().invoke(root, [*arguments, "--server", server])

    return invoke


def test_traces_are_listed(run: Run) -> None:
    result = run("traces", 'service.name = "ml-infer" and status = error')
    assert (result.exit_code, result.output.replace(trace_hex(7), "TRACE")) == snapshot(
        (
            0,
            """\
start (UTC)              duration  spans  errors  root                    trace id
2025-06-15 15:05:40.000  20ms      2      1       ml-infer: GET /predict  TRACE
""",
        )
    )
    assert run("traces", "name = nothing").output == "no trace matches\n"


def test_a_change_is_marked_listed_and_taken_back(run: Run) -> None:
    made = run(
        "mark", "cache doubled", "--kind", "config", "--service", "feature-store", "--at",
        "now-5m", "--scope", "region=us-east", "--by", "kim",
    )  # fmt: skip
    marker = made.output[:12]
    assert (made.exit_code, made.output[12:]) == (0, " at 2025-06-15 15:01:40 UTC\n")
    assert run("mark").output.replace(marker, "MARKER______") == snapshot(
        """\
TIME (UTC)           KIND    SOURCE  ID            SERVICE        WHAT
2025-06-15 15:01:40  config  told    MARKER______  feature-store  cache doubled
"""
    )
    assert run("mark", "--delete", marker).output == f"{marker} is taken back\n"
    assert "cache" not in run("mark").output
    wrong = run("mark", "x", "--scope", "region")
    assert (wrong.exit_code, "write NAME=VALUE" in wrong.output) == (2, True)


def test_a_trace_is_drawn_as_a_tree(run: Run) -> None:
    result = run("trace", trace_hex(7))
    assert (result.exit_code, result.output) == snapshot(
        (
            0,
            """\
span                service   duration  from 2025-06-15 15:05:40.000
GET /predict        ml-infer  20ms      ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
  ml-infer.predict  ml-infer  10ms                ━━━━━━━━━━━━━━━━━━━━
1 log record: vario logs 'trace_id = "00000000000000000000000000000007"'
""",
        )
    )


def test_a_trace_that_is_not_there_is_an_error(run: Run) -> None:
    result = run("trace", trace_hex(8))
    assert result.exit_code == 2
    assert trace_hex(8) in result.output


def test_log_records_are_listed_the_newest_last(run: Run) -> None:
    result = run("logs")
    assert (result.exit_code, result.output) == snapshot(
        (
            0,
            """\
2025-06-15 15:05:40.000 WARN  ml-infer: slow cache trace_id=00000000000000000000000000000007
2025-06-15 15:05:41.000 INFO  ml-infer: done
""",
        )
    )
    assert run("logs", "severity >= error").output == "no log record matches\n"


def test_promql_is_answered_in_a_table(run: Run) -> None:
    result = run("query", "depth + 1", "--time", str(START_NS // SECOND))
    assert (result.exit_code, result.output) == snapshot(
        (
            0,
            """\
series            value
{job="ml-infer"}  6
""",
        )
    )
    assert run("query", "1 + 1").output == "2\n"
    assert run("query", "absent_metric").output == "no series\n"


def test_a_range_is_answered_with_a_line(run: Run) -> None:
    end = START_NS // SECOND
    times = ("--start", str(end - 50), "--end", str(end), "--step", "10s")
    result = run("query", "depth", *times)
    assert (result.exit_code, result.output) == snapshot(
        (
            0,
            """\
series                 last  min  max  over time
depth{job="ml-infer"}  5     1    5    ▁▃▅▆██
""",
        )
    )
    assert run("query", "depth", "--step", "10s").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (("traces",), "traces"),
        (("trace", trace_hex(7)), "spans"),
        (("logs",), "logs"),
        (("query", "1"), "data"),
        (("doctor",), "checks"),
    ],
)
def test_json_is_the_answer_of_the_api(run: Run, arguments: tuple[str, ...], key: str) -> None:
    assert key in orjson.loads(run(*arguments, "--json").output)


def test_the_doctor_reports_and_exits_by_what_it_found(run: Run, address: str) -> None:
    result = run("doctor")
    assert result.output.startswith(f"✓ server: vario answers at {address}\n")
    assert "ml-infer" in result.output
    report = orjson.loads(run("doctor", "--json").output)
    assert result.exit_code == (1 if report["status"] == "failed" else 0)
    assert result.output.endswith(f"\n{report['status'].upper()}\n")


@pytest.mark.parametrize("arguments", [("doctor",), ("traces",), ("logs",), ("query", "1")])
def test_where_no_server_answers_the_remedy_is_named(run: Run, arguments: tuple[str, ...]) -> None:
    result = run(*arguments, server="http://127.0.0.1:9")
    assert result.exit_code == 2
    assert "no vario answers at http://127.0.0.1:9" in result.output
    assert "start one with 'vario up', or name another with --server" in result.output


def test_a_mistake_in_a_question_is_told(run: Run) -> None:
    for arguments in (("traces", "duration >"), ("query", "sum(")):
        result = run(*arguments)
        assert (result.exit_code, result.output.startswith("Error: ")) == (2, True)


def test_every_command_is_there_and_says_what_it_does() -> None:
    context = click.Context(root)
    for name in COMMANDS:
        command = root.get_command(context, name)
        assert isinstance(command, click.Command)
        assert CliRunner().invoke(root, [name, "--help"]).exit_code == 0
    result = CliRunner().invoke(root, ["--help"])
    assert all(f"  {name} " in result.output for name in COMMANDS)
    assert CliRunner().invoke(root, ["nothing"]).exit_code == 2


def test_help_and_version_import_nothing_heavy() -> None:
    code = (
        "import sys; from vario.cli.root import root\n"
        "for words in (['--help'], ['version']):\n"
        "    root(words, standalone_mode=False)\n"
        "print(sorted({'chdb', 'grpc', 'fastapi', 'numpy', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_the_extra_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None\nfrom vario.cli import main\nmain()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        "vario's commands need the package 'click': pip install 'vario[server]'\n",
    )


def test_spans_in_a_circle_are_still_shown() -> None:
    spans = [
        {"span_id": a, "parent_span_id": b, "start_time_unix_nano": "1"}
        for a, b in (("a", "b"), ("b", "a"), ("c", "lost"))
    ]
    assert sorted((depth, span["span_id"]) for depth, span in walk(spans)) == [
        (0, "a"),
        (0, "b"),
        (0, "c"),
    ]


def test_small_words_for_numbers() -> None:
    assert [format_duration(s) for s in (0, 1e-8, 0.0000042, 0.0123, 1.5, 75)] == [
        "0ns",
        "10ns",
        "4.2us",
        "12.3ms",
        "1.5s",
        "1m15s",
    ]
    assert [sparkline(v) for v in ([], [1.0], [0.0, 7.0], [float("inf"), 1.0])] == [
        "",
        "▁",
        "▁█",
        " ▁",
    ]
