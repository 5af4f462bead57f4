"""Test scripts as commands (promql/promqltest of Prometheus)."""

import re
from dataclasses import dataclass, field
from typing import Literal, cast

from vario.query.promql.literals import parse_duration_ms, parse_number, unquote
from vario.query.promql.testing.series_text import (
    Point,
    ScriptError,
    SeriesLine,
    parse_series_line,
)

Expectation = Literal["fail", "warn", "no_warn", "info", "no_info", "ordered"]

_LOAD = re.compile(r"load(?:_(with_nhcb))?\s+(.+?)$")
_INSTANT = re.compile(r"eval(?:_(fail|warn|ordered|info))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$")
_RANGE = re.compile(
    r"eval(?:_(fail|warn|info))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$"
)
_EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$")
_EXPECT_RANGE = re.compile(r"expect range vector\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+)$")


@dataclass(frozen=True, slots=True)
class Load:
    """Series to write, one value every `step_ms` from time 0."""

    line: int
    step_ms: int
    series: tuple[SeriesLine, ...]
    with_custom_buckets: bool = False
    has_start_times: bool = False


@dataclass(frozen=True, slots=True)
class Clear:
    """Everything written is forgotten."""

    line: int


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation: with a message, or a pattern found in one, or neither."""

    kind: Expectation
    message: str | None = None
    pattern: str | None = None

    def accepts(self, text: str) -> bool:
        """Returns whether an error or annotation is what is expected."""
        if self.message is not None:
            return text == self.message
        return self.pattern is None or re.search(self.pattern, text) is not None


@dataclass(slots=True)
class Eval:
    """A query and what it should give.

    Attributes:
        start_ms: the time of an instant query, or the first step; `end_ms` and `step_ms` likewise.
        is_range: whether it is a range query.
        matrix: whether an instant query gives a range vector at these steps.
        series: expected series in order.
        scalar: expected scalar.
        text: expected string.
        expected: expectations beside values.
    """

    line: int
    query: str
    start_ms: int
    end_ms: int
    step_ms: int = 0
    is_range: bool = False
    matrix: bool = False
    series: list[SeriesLine] = field(default_factory=list[SeriesLine])
    scalar: float | None = None
    text: str | None = None
    expected: list[Expected] = field(default_factory=list[Expected])

    def wants(self, kind: Expectation) -> list[Expected]:
        """Returns the expectations of a kind."""
        return [one for one in self.expected if one.kind == kind]


Command = Load | Clear | Eval


def parse_script(text: str) -> list[Command]:
    """Returns the commands of a script.

    Raises:
        ScriptError: a line cannot be understood; the message names it.
    """
    lines = [line.strip() for line in text.split("\n")]
    return _Script(["" if line.startswith("#") else line for line in lines]).commands()


class _Script:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.at = 0

    def commands(self) -> list[Command]:
        found: list[Command] = []
        while self.at < len(self.lines):
            line = self.lines[self.at]
            self.at += 1
            if line:
                found.append(self._guarded(line))
        return found

    def _guarded(self, line: str) -> Command:
        number = self.at
        try:
            return self._command(line)
        except ValueError as error:
            raise ScriptError(f"line {max(number, self.at)}: {error}") from error

    def _command(self, line: str) -> Command:
        word = line.split(maxsplit=1)[0].lower()
        if word == "clear":
            return Clear(self.at)
        if word.startswith("load"):
            return self._load(line)
        if word.startswith("eval"):
            return self._eval(line)
        raise ScriptError(f"no command: {line}")

    def _body(self) -> list[str]:
        """Takes the lines up to the next empty one."""
        body: list[str] = []
        while self.at < len(self.lines) and self.lines[self.at]:
            body.append(self.lines[self.at])
            self.at += 1
        return body

    def _load(self, line: str) -> Load:
        match = _LOAD.match(line)
        if match is None:
            raise ScriptError("write load[_with_nhcb] STEP")
        number = self.at
        body = self._body()
        series = [parse_series_line(text) for text in body if not _is_start_line(text)]
        return Load(
            number,
            parse_duration_ms(match[2]),
            tuple(series),
            match[1] is not None,
            any(map(_is_start_line, body)),
        )

    def _eval(self, line: str) -> Eval:
        if match := _RANGE.match(line):
            modifier, start, end, step, query = match.groups()
            times = (parse_duration_ms(start), parse_duration_ms(end), parse_duration_ms(step))
            command = Eval(self.at, query, *times, is_range=True)
        elif match := _INSTANT.match(line):
            modifier, at, query = match.groups()
            time = parse_duration_ms(at) if at else 0
            command = Eval(self.at, query, time, time)
        else:
            raise ScriptError("write eval instant at TIME QUERY, or eval range from..to..step")
        if modifier:
            command.expected.append(Expected(cast(Expectation, modifier)))
        for text in self._body():
            self._expect(command, text)
        return command

    def _expect(self, command: Eval, text: str) -> None:
        if match := _EXPECT_RANGE.match(text):
            command.start_ms, command.end_ms, command.step_ms = map(
                parse_duration_ms, match.groups()
            )
            command.matrix = True
        elif text.startswith("expect string"):
            command.text = unquote(text.removeprefix("expect string").strip())
        elif match := _EXPECT.match(text):
            kind, how, what = match.groups()
            message = what.strip() if how == "msg" else None
            pattern = what.strip() if how == "regex" else None
            command.expected.append(Expected(cast(Expectation, kind), message, pattern))
        elif text.startswith("expected_fail_message"):
            message = text.removeprefix("expected_fail_message").strip()
            command.expected.append(Expected("fail", message=message))
        elif text.startswith("expected_fail_regexp"):
            pattern = text.removeprefix("expected_fail_regexp").strip()
            command.expected.append(Expected("fail", pattern=pattern))
        else:
            self._expect_value(command, text)

    def _expect_value(self, command: Eval, text: str) -> None:
        try:
            command.scalar = parse_number(text)
        except ValueError:
            command.series.append(parse_series_line(text))


def _is_start_line(text: str) -> bool:
    """Returns whether a line of a load gives start timestamps."""
    return text.split(maxsplit=1)[0].endswith("@st")


__all__ = ["Clear", "Command", "Eval", "Expected", "Load", "Point", "parse_script"]
