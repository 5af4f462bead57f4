import pytest
from tests.support.otlp_factory import HOUR, START_NS

from vario.api.params import parse_step_ns, parse_time_ns, parse_window
from vario.errors import BadData
from vario.model.telemetry import TimeRange

MINUTE = HOUR // 60


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("0", 0),
        ("1750000000", START_NS),
        ("1750000000.123456789", START_NS + 123_456_789),
        ("1750000000.1", START_NS + 100_000_000),
        ("1750000000.1234567899", START_NS + 123_456_789),
        ("2025-06-15T15:06:40Z", START_NS),
        ("2025-06-15T17:06:40.5+02:00", START_NS + 500_000_000),
        ("2025-06-15T17:06:40 02:00", START_NS),
        ("now", START_NS),
        (" now-1h ", START_NS - HOUR),
        ("now + 1h30m", START_NS + HOUR + 30 * MINUTE),
    ],
)
def test_times(text: str, time_ns: int) -> None:
    assert parse_time_ns("start", text, START_NS) == time_ns


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "1e9", "nan", "2025-06-15", "2025-06-15T15:06:40", "now-", "now-1", "now*2",
     "99999999999999999999", "9999999999999", "now+300y", "1969-12-31T00:00:00Z", "now-60000d",
     "2263-01-01T00:00:00Z"],
)  # fmt: skip
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(BadData, match=r"^start: .*(write Unix seconds|outside the years)"):
        parse_time_ns("start", text, START_NS)


@pytest.mark.parametrize(
    ("text", "step_ns"),
    [("15", 15 * 10**9), ("0.5", 5 * 10**8), ("15s", 15 * 10**9), ("2m", 2 * MINUTE)],
)
def test_steps(text: str, step_ns: int) -> None:
    assert parse_step_ns(text) == step_ns


@pytest.mark.parametrize("text", ["", "0", "0s", "-1", "x", "1e3"])
def test_what_is_no_step(text: str) -> None:
    with pytest.raises(BadData, match="step: "):
        parse_step_ns(text)


def test_windows() -> None:
    assert parse_window("now-1h", "now", START_NS) == TimeRange(START_NS - HOUR, START_NS)
    with pytest.raises(BadData, match="must be before"):
        parse_window("now", "now", START_NS)
