"""`vario investigate`: what a person reads, and what another program gets."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from vario.cli import investigate as command
from vario.cli.root import root

ANSWER: dict[str, Any] = {
    "id": "0123456789abcdef",
    "question": {"service": "ml-infer"},
    "verdict": "explained",
    "summary": ["ml-infer: requests became slower; p95 latency rose from 120 ms to 350 ms."],
    "findings": [
        {
            "kind": "mediator",
            "subject": {"span": "ml-infer.encode_features", "cache_hit": "false"},
            "statement": "cache_hit = false rose from 15% to 70%.",
            "explained": 0.9,
            "confidence": 0.9,
            "evidence": [
                {"title": "calls since", "language": "filter", "query": "entry = true",
                 "value": 12.0, "unit": "spans"},
            ],
            "trace_ids": ["ab"],
            "supports": ["twice as many requests"],
            "contradicts": ["one replica is well"],
            "next_step": "Raise the cache's capacity.",
            "command": "make it so",
        }
    ],
    "ruled_out": [{"subject": {"release": "v23.1"}, "reason": "it came later"}],
    "timeline": [
        {"time": 1_750_000_000.0, "text": "latency begins"},
        {"time": 1_750_000_060.0, "text": "an alert fires"},
    ],
    "coverage": {"spans": 1234, "logs": 5, "series": 6, "placebos": 20, "left_out": []},
    "took_ms": 812.0,
}  # fmt: skip
PRINTED = """\
 cause found   ml-infer

  • ml-infer: requests became slower; p95 latency rose from 120 ms to 350 ms.

1. span=ml-infer.encode_features  cache_hit=false  mediator
   █████████░ 0.90 confidence  explains 90%
   cache_hit = false rose from 15% to 70%.
   + twice as many requests
   - one replica is well
   → Raise the cache's capacity.
     $ make it so
   e.g. vario trace ab
   calls since: 12 spans
     filter: entry = true

Ruled out
  × release=v23.1: it came later

What happened when
  15:06:40  latency begins
  15:07:40  an alert fires

Read 1,234 spans, 5 records, 6 series in 812 ms; 20 earlier windows for comparison.
"""


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was sent to the server, which answers as above."""
    bodies: list[Any] = []

    def answer(server: str, method: str, path: str, body: object = None) -> Any:
        bodies.append((server, method, path, body))
        return ANSWER

    monkeypatch.setattr(command, "send", answer)
    return bodies


def test_an_answer_for_people(sent: list[Any]) -> None:
    arguments = ["investigate", "--service", "ml-infer", "--since", "15m", "--evidence"]
    result = CliRunner().invoke(root, [*arguments, "--scope", "region=us-east", "--server", "s"])
    assert result.output == PRINTED
    body = {
        "service": "ml-infer",
        "start": "now-15m",
        "end": "now",
        "scope": {"region": "us-east"},
    }
    assert sent == [("s", "POST", "/api/investigate", body)]


def test_an_answer_for_programs(sent: list[Any]) -> None:
    arguments = ["investigate", "--since", "2026-01-01T00:00:00Z", "--json"]
    assert json.loads(CliRunner().invoke(root, arguments).output) == ANSWER
    assert sent[0][3]["start"] == "2026-01-01T00:00:00Z"


def test_a_scope_needs_a_value(sent: list[Any]) -> None:
    result = CliRunner().invoke(root, ["investigate", "--scope", "region"])
    assert (result.exit_code, sent) == (2, [])
    assert "is no FIELD=VALUE" in result.output
