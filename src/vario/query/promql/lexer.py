"""Text to tokens, with positions (Prometheus' promql/parser/lex.go).

Words are keywords only where the parser asks for one: every keyword may also name a metric or a
label, so a token keeps its text, and `Token.kind` is the lower-case keyword where it is one.
"""

import re
from dataclasses import dataclass

from vario.errors import BadData

AGGREGATORS = frozenset(
    [
        "avg",
        "bottomk",
        "count",
        "count_values",
        "group",
        "max",
        "min",
        "quantile",
        "stddev",
        "stdvar",
        "sum",
        "topk",
        "limitk",
        "limit_ratio",
    ]
)
KEYWORDS = frozenset(
    [
        "anchored",
        "bool",
        "by",
        "fill",
        "fill_left",
        "fill_right",
        "group_left",
        "group_right",
        "ignoring",
        "offset",
        "on",
        "smoothed",
        "without",
    ]
)
WORD_OPERATORS = frozenset(["and", "or", "unless", "atan2"])
PREPROCESSORS = frozenset(["start", "end"])

_SPACE = re.compile(r"(?:\s|#[^\n]*)+")
_WORD = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NUMBER = re.compile(
    r"0[xX](?:_?[0-9a-fA-F])+|"
    r"(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?"
)
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_ALPHANUMERIC = re.compile(r"[A-Za-z0-9_]")
_SYMBOLS = ("==", "!=", "<=", ">=", "</", ">/", "=~", "!~", *"+-*/%^<>=(){}[],:@")
_BRACE_SYMBOLS = ("!=", "=~", "!~", "=", ",", "}")
_PLAIN_ESCAPES = frozenset("abfnrtv\\")
_NUMBER_ESCAPES = {"x": (2, 16), "u": (4, 16), "U": (8, 16)}
_DESCRIPTIONS = {
    "eof": "end of input",
    "identifier": "identifier",
    "metric_identifier": "metric identifier",
    "string": "string",
    "number": "number",
    "duration": "duration",
}


@dataclass(frozen=True, slots=True)
class Position:
    """A half-open range of characters of the query."""

    start: int
    end: int


class ParseError(BadData):
    """A query that is not PromQL. The message begins with `line:column`, as Prometheus' does."""

    def __init__(self, message: str, position: Position, query: str) -> None:
        super().__init__(f"{line_column(query, position.start)}: parse error: {message}")
        self.position = position
        self.reason = message


def line_column(query: str, offset: int) -> str:
    """Returns `line:column` of a character; columns count bytes from 1, as in Prometheus."""
    if not query:
        return "unknown position"
    before = query[:offset]
    line_start = before.rfind("\n") + 1
    column = len(before[line_start:].encode("utf-8", "surrogateescape")) + 1
    return f"{before.count(chr(10)) + 1}:{column}"


@dataclass(frozen=True, slots=True)
class Token:
    """One token: `kind` is a symbol, a keyword, or a class such as `identifier` or `number`."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Offset of the character after the token."""
        return self.start + len(self.text)

    @property
    def position(self) -> Position:
        """Where the token stands."""
        return Position(self.start, self.end)

    def describe(self) -> str:
        """Returns the token as error messages name it."""
        if self.kind == "eof":
            return "end of input"
        text = go_quote(self.text)
        if self.kind in KEYWORDS or self.kind in PREPROCESSORS:
            return f"<{self.text}>"
        if self.kind in AGGREGATORS:
            return f"<aggr:{self.text}>"
        if self.kind in WORD_OPERATORS or self.text in "+-*/%^<>@" or self.kind in _SYMBOLS[:6]:
            return f"<op:{self.text}>"
        if self.kind in ("string", "number", "duration") and len(self.text) > 10:
            text = go_quote(self.text[:10]) + "..."
        description = _DESCRIPTIONS.get(self.kind)
        return f"{description} {text}" if description else text


def go_quote(text: str) -> str:
    r"""Returns `text` in double quotes as Go's `%q` prints it.

    >>> print(go_quote('a"b\n'))
    "a\"b\n"
    """
    named = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a"}
    named |= {"\b": "\\b", "\f": "\\f", "\v": "\\v"}
    parts: list[str] = []
    for char in text:
        code = ord(char)
        if char in named:
            parts.append(named[char])
        elif 0xDC80 <= code <= 0xDCFF:
            parts.append(f"\\x{code - 0xDC00:02x}")
        elif char.isprintable():
            parts.append(char)
        else:
            parts.append(f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}")
    return '"' + "".join(parts) + '"'


def _code_point(char: str) -> str:
    """Returns a character as Go's `%#U` prints it."""
    return f"U+{ord(char):04X} '{char}'"


def tokenize(query: str) -> tuple[list[Token], ParseError | None]:
    """Splits a query into tokens; the last one is `eof`, or `error` where it goes no further.

    Returns:
        The tokens, and what is wrong where the last one is `error`: a character, string or number
        that PromQL does not have, or an open bracket. A grammatical error before it comes first.
    """
    lexer = _Lexer(query)
    try:
        return lexer.run(), None
    except ParseError as error:
        return [*lexer.tokens, Token("error", "", error.position.start)], error


class _Lexer:
    def __init__(self, query: str) -> None:
        self.query = query
        self.at = 0
        self.tokens: list[Token] = []
        self.in_braces = False
        self.in_brackets = False
        self.colon_seen = False
        self.depth = 0

    def run(self) -> list[Token]:
        while True:
            if space := _SPACE.match(self.query, self.at):
                self.at = space.end()
            if self.at >= len(self.query):
                self._check_closed()
                self._add("eof", "")
                return self.tokens
            self._next()

    def _fail(self, message: str, start: int | None = None) -> ParseError:
        begin = self.at if start is None else start
        return ParseError(message, Position(begin, len(self.query)), self.query)

    def _add(self, kind: str, text: str) -> None:
        self.tokens.append(Token(kind, text, self.at))
        self.at += len(text)

    def _check_closed(self) -> None:
        if self.in_braces:
            raise self._fail("unexpected end of input inside braces")
        if self.in_brackets:
            raise self._fail("unclosed left bracket")
        if self.depth:
            raise self._fail("unclosed left parenthesis")

    def _next(self) -> None:
        char = self.query[self.at]
        if char in "\"'`":
            self._string(char)
        elif self.in_braces:
            self._brace_token(char)
        elif char.isdecimal() or (
            char == "." and self.query[self.at + 1 : self.at + 2].isdecimal()
        ):
            self._number()
        elif char == ":" and self.in_brackets:
            self._colon()
        elif word := (_LABEL_WORD if self.in_brackets else _WORD).match(self.query, self.at):
            self._word(word.group())
        else:
            self._symbol(char)

    def _colon(self) -> None:
        if self.colon_seen:
            raise self._fail("unexpected colon ':'")
        self.colon_seen = True
        self._add(":", ":")

    def _brace_token(self, char: str) -> None:
        if word := _LABEL_WORD.match(self.query, self.at):
            self._add("identifier", word.group())
            return
        for symbol in _BRACE_SYMBOLS:
            if self.query.startswith(symbol, self.at):
                self.in_braces = symbol != "}"
                self._add(symbol, symbol)
                return
        if char == "{":
            raise self._fail("unexpected left brace '{'")
        if char == "!":
            following = self.query[self.at + 1 : self.at + 2]
            raise self._fail(f"unexpected character after '!' inside braces: '{following}'")
        raise self._fail(f"unexpected character inside braces: '{char}'")

    def _word(self, text: str) -> None:
        lower = text.lower()
        if lower in ("inf", "nan"):
            self._add("number", text)
        elif lower in AGGREGATORS | KEYWORDS | WORD_OPERATORS | PREPROCESSORS:
            self._add(lower, text)
        else:
            self._add("metric_identifier" if ":" in text else "identifier", text)

    def _number(self) -> None:
        for kind, pattern in (("number", _NUMBER), ("duration", _DURATION)):
            match = pattern.match(self.query, self.at)
            if match and not _ALPHANUMERIC.match(self.query, match.end()):
                self._add(kind, match.group())
                return
        bad = _DURATION.match(self.query, self.at) or _NUMBER.match(self.query, self.at)
        text = bad.group() if bad else ""
        raise self._fail(f"bad number or duration syntax: {go_quote(text)}")

    def _string(self, quote: str) -> None:
        end = self.at + 1
        while end < len(self.query) and self.query[end] != quote:
            if self.query[end] == "\n" and quote != "`":
                raise self._fail("unterminated quoted string")
            escaped = self.query[end] == "\\" and quote != "`"
            end = self._escape(end + 1, quote) if escaped else end + 1
        if end >= len(self.query):
            raise self._fail(f"unterminated {'raw' if quote == '`' else 'quoted'} string")
        self._add("string", self.query[self.at : end + 1])

    def _escape(self, at: int, quote: str) -> int:
        """Returns where an escape sequence ends, given where its backslash did."""
        char = self.query[at : at + 1]
        if char in _PLAIN_ESCAPES or char == quote:
            return at + 1
        digits, base = _NUMBER_ESCAPES.get(char, (3, 8) if char in "01234567" else (0, 0))
        if not char or not digits:
            reason = "escape sequence not terminated"
            raise self._fail(f"unknown escape sequence {_code_point(char)}" if char else reason)
        start = at + (base == 16)
        number = 0
        for digit in self.query[start : start + digits].ljust(digits, "\0"):
            if digit == "\0":
                raise self._fail("escape sequence not terminated")
            if digit not in "0123456789abcdefABCDEF"[: 8 if base == 8 else None]:
                raise self._fail(f"illegal character {_code_point(digit)} in escape sequence")
            number = number * base + int(digit, 16)
        highest = 0x10FFFF if char in "uU" else 255
        if number > highest or 0xD800 <= number < 0xE000:
            raise self._fail("escape sequence is an invalid Unicode code point")
        return start + digits

    def _symbol(self, char: str) -> None:
        for symbol in _SYMBOLS:
            if self.query.startswith(symbol, self.at) and symbol != ":":
                if symbol in ("=~", "!~"):
                    break
                self._track(symbol)
                self._add(symbol, symbol)
                return
        if char == "=":
            following = self.query[self.at + 1 : self.at + 2]
            raise self._fail(f"unexpected character after '=': '{following}'")
        if char == "!":
            following = self.query[self.at + 1 : self.at + 2]
            raise self._fail(f"unexpected character after '!': '{following}'")
        raise self._fail(f"unexpected character: '{char}'")

    def _track(self, symbol: str) -> None:
        """Keeps count of open parentheses, brackets and braces."""
        if symbol == "{":
            self.in_braces = True
        elif symbol == "}":
            raise self._fail("unexpected character: '}'")
        elif symbol == "[":
            if self.in_brackets:
                raise self._fail("unexpected left bracket '['")
            self.in_brackets, self.colon_seen = True, False
        elif symbol == "]":
            if not self.in_brackets:
                raise self._fail("unexpected right bracket ']'")
            self.in_brackets = False
        elif symbol == "(":
            self.depth += 1
        elif symbol == ")":
            self.depth -= 1
            if self.depth < 0:
                raise self._fail("unexpected right parenthesis ')'", self.at + 1)
