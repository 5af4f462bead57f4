"""Cuts the text of a Go template into tokens.

Source: the documentation of Go's package text/template, whose messages this speaks. Positions are
character offsets into the text.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass

from vario.alert.template.format import quote

KEYWORDS = frozenset(
    {"block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template"}
    | {"with"}
)
LEFT, RIGHT = "{{", "}}"
_SPACES = " \t\r\n"
_TERMINATORS = frozenset(" \t\r\n.,|:()" + RIGHT[0])
_UNTERMINATED = {
    "string": "unterminated quoted string",
    "char": "unterminated character constant",
}


@dataclass(frozen=True, slots=True)
class Token:
    """A token: its kind, where it starts, its text, and the line that it starts on.

    Kinds: `text`, `left`, `right`, `space`, `identifier`, `field`, `variable`, `dot`, `bool`,
    `number`, `char` (a character constant), `string`, `raw`, `pipe`, `(`, `)`, `=`, `:=`, `other`,
    `eof`, `error` (the text is the message), and each keyword under its own name.
    """

    kind: str
    position: int
    text: str
    line: int

    def __str__(self) -> str:
        if self.kind == "eof":
            return "EOF"
        if self.kind == "error":
            return self.text
        if self.kind in KEYWORDS or self.kind == "dot":
            return f"<{self.text}>"
        if len(self.text) > 10:
            return quote(self.text[:10]) + "..."
        return quote(self.text)


class _LexError(Exception):
    """Carries a message out of the scanner; becomes a token."""


def lex(text: str) -> Iterator[Token]:
    """Yields the tokens of `text`; the last is `eof`, or `error` and then `eof` for ever."""
    scanner = _Scanner(text)
    try:
        yield from scanner.scan()
    except _LexError as error:
        start = scanner.start
        yield Token("error", start, str(error), 1 + text.count("\n", 0, start))
    end = Token("eof", len(text), "", 1 + text.count("\n"))
    while True:
        yield end


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.start = 0
        self.at = 0
        self.line = 1
        self.counted = 0
        self.depth = 0

    def scan(self) -> Iterator[Token]:
        while self.at < len(self.text):
            left = self.text.find(LEFT, self.at)
            end = len(self.text) if left < 0 else left
            trim = left >= 0 and self._left_trim(left + 2)
            stop = (
                end if not trim else self.start + len(self.text[self.start : end].rstrip(_SPACES))
            )
            if stop > self.start:
                self.at = stop
                yield self._emit("text")
            self.start = self.at = end
            if left < 0:
                return
            yield from self._action(trim)

    def _action(self, trim: bool) -> Iterator[Token]:
        opened = self.at + 2 + (2 if trim else 0)
        if self.text.startswith("/*", opened):
            self._comment(opened)
            return
        self.at += 2
        yield self._emit("left")
        self.start = self.at = opened
        self.depth = 0
        while True:
            closing, trimmed = self._right_delimiter(self.at)
            if closing:
                if self.depth:
                    raise _LexError("unclosed left paren")
                yield self._right(trimmed)
                return
            token = self._inside()
            yield token
            if token.kind == "right":
                return

    def _right(self, trimmed: bool) -> Token:
        if trimmed:
            self.start = self.at = self.at + 2
        self.at += 2
        token = self._emit("right")
        if trimmed:
            self._skip_spaces()
        return token

    def _comment(self, opened: int) -> None:
        close = self.text.find("*/", opened + 2)
        if close < 0:
            raise _LexError("unclosed comment")
        self.at = close + 2
        closing, trimmed = self._right_delimiter(self.at)
        if not closing:
            raise _LexError("comment ends before closing delimiter")
        self.at += 4 if trimmed else 2
        self.start = self.at
        if trimmed:
            self._skip_spaces()

    def _skip_spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in _SPACES:
            self.at += 1
        self.start = self.at

    def _left_trim(self, at: int) -> bool:
        return self.text[at : at + 1] == "-" and self.text[at + 1 : at + 2] in (*_SPACES,)

    def _right_delimiter(self, at: int) -> tuple[bool, bool]:
        """Whether the action ends at `at`, and whether it trims the text after it."""
        if (
            self.text[at : at + 1] in (*_SPACES,)
            and self.text[at + 1 : at + 2] == "-"
            and self.text.startswith(RIGHT, at + 2)
        ):
            return True, True
        return self.text.startswith(RIGHT, at), False

    def _emit(self, kind: str) -> Token:
        self.line += self.text.count("\n", self.counted, self.start)
        self.counted = self.start
        token = Token(kind, self.start, self.text[self.start : self.at], self.line)
        self.start = self.at
        return token

    def _next(self) -> str:
        char = self.text[self.at : self.at + 1]
        self.at += 1 if char else 0
        return char

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _inside(self) -> Token:
        char = self._next()
        if not char:
            raise _LexError("unclosed action")
        if char == "_" or char.isalpha():
            token = self._identifier()
        elif char in "\"'`":
            token = self._quoted(char)
        elif char == "$":
            token = self._word("variable", "variable")
        elif char == "." and self._peek() not in (*string.digits,):
            token = self._word("field", "dot")
        elif char in "+-." or char in string.digits:
            self.at -= 1
            token = self._number()
        else:
            token = self._space() if char in _SPACES else self._sign(char)
        return token

    def _sign(self, char: str) -> Token:
        if char in "=|":
            return self._emit("=" if char == "=" else "pipe")
        if char == ":":
            if self._next() != "=":
                raise _LexError("expected :=")
            return self._emit(":=")
        if char in "()":
            self.depth += 1 if char == "(" else -1
            if self.depth < 0:
                raise _LexError("unexpected right paren")
            return self._emit(char)
        if char.isascii() and char.isprintable():
            return self._emit("other")
        raise _LexError(f"unrecognized character in action: {_described(char)}")

    def _space(self) -> Token:
        while self._peek() and self._peek() in _SPACES:
            self.at += 1
        closing, trimmed = self._right_delimiter(self.at - 1)
        if closing and trimmed:
            self.at -= 1
            if self.at == self.start:
                return self._right(trimmed)
        return self._emit("space")

    def _word(self, kind: str, alone: str) -> Token:
        """A field or a variable, or the `.` or `$` of it alone."""
        if self._at_terminator():
            return self._emit(alone)
        self._run_alphanumeric()
        return self._emit(kind)

    def _identifier(self) -> Token:
        self._run_alphanumeric()
        word = self.text[self.start : self.at]
        if word in KEYWORDS:
            return self._emit(word)
        return self._emit("bool" if word in ("true", "false") else "identifier")

    def _run_alphanumeric(self) -> None:
        while self._peek() == "_" or self._peek().isalnum():
            self.at += 1
        if not self._at_terminator():
            raise _LexError(f"bad character {_described(self._peek())}")

    def _at_terminator(self) -> bool:
        return not self._peek() or self._peek() in _TERMINATORS

    def _quoted(self, delimiter: str) -> Token:
        if delimiter == "`":
            close = self.text.find("`", self.at)
            if close < 0:
                raise _LexError("unterminated raw quoted string")
            self.at = close + 1
            return self._emit("raw")
        kind = "string" if delimiter == '"' else "char"
        while (char := self._next()) != delimiter:
            if char == "\\":
                char = self._next()
            if not char or char == "\n":
                raise _LexError(_UNTERMINATED[kind])
        return self._emit(kind)

    def _number(self) -> Token:
        """A loose scan; the parser decides whether the text is a number."""
        if self._peek() in (*"+-",):
            self.at += 1
        digits = string.digits + "_"
        if self._peek() == "0":
            self.at += 1
            base = self._peek().lower()
            bases = {"x": string.hexdigits + "_", "o": "01234567_", "b": "01_"}
            if base and base in bases:
                self.at += 1
                digits = bases[base]
        self._run(digits)
        if self._peek() == ".":
            self.at += 1
            self._run(digits)
        exponent = "eE" if digits == string.digits + "_" else "pP"
        if self._peek() and self._peek() in exponent and len(digits) > 8:
            self.at += 1
            if self._peek() in (*"+-",):
                self.at += 1
            self._run(string.digits + "_")
        if self._peek() == "_" or self._peek().isalnum():
            self.at += 1
            raise _LexError(f"bad number syntax: {quote(self.text[self.start : self.at])}")
        return self._emit("number")

    def _run(self, characters: str) -> None:
        while self._peek() and self._peek() in characters:
            self.at += 1


def _described(char: str) -> str:
    """Returns a character as Go's `%#U` names it."""
    shown = f" '{char}'" if char.isprintable() else ""
    return f"U+{ord(char) if char else 0xFFFFFFFFFFFFFFFF:04X}{shown}"
