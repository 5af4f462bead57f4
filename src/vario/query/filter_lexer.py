"""Splits the text of a filter into tokens, each with its place."""

import re
from dataclasses import dataclass
from typing import Literal

from vario.errors import BadData

TokenKind = Literal["word", "string", "op", "(", ")", ",", "end"]

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"""[^\s()",'`=!<>~&|]+""")
_OPERATOR = re.compile(r"=~|!~|!=|<=|>=|=(?!=)|<|>")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`"}
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_FOREIGN = {"&&": "and", "&": "and", "||": "or", "|": "or", "==": "=", "!": "not", "~": "=~"}


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a filter.

    Attributes:
        kind: what it is; keywords, numbers and durations are words too.
        text: the text with quotes and escapes resolved.
        start: index of its first character.
        end: index after its last character.
        quoted: of a word, whether a part of it was in quotes (`attributes."odd name"`).
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    quoted: bool = False


def fault(text: str, position: int, problem: str, remedy: str) -> BadData:
    """Returns the error for `problem` at an index of `text`, its place marked by a caret."""
    line_start = text.rfind("\n", 0, position) + 1
    line_end = text.find("\n", position)
    line = text[line_start : line_end if line_end >= 0 else len(text)].replace("\t", " ")
    column = position - line_start
    # A window of the line, so that a long filter still shows its place.
    cut = max(0, column - 60)
    shown = line[cut : cut + 100]
    return BadData(
        f"filter: {problem}, at character {position + 1}\n"
        f"  {shown}\n  {' ' * (column - cut)}^\n{remedy}"
    )


def tokenize(text: str) -> list[Token]:
    """Returns the tokens of a filter, the last of kind `end`.

    Raises:
        BadData: a quote is not closed, an escape is unknown, or a character has no place here.
    """
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if space := _SPACE.match(text, position):
            position = space.end()
            continue
        token = _next_token(text, position)
        tokens.append(token)
        position = token.end
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _next_token(text: str, start: int) -> Token:
    character = text[start]
    if character in "\"'`":
        return _string(text, start)
    for punctuation in ("(", ")", ","):
        if character == punctuation:
            return Token(punctuation, character, start, start + 1)
    if operator := _OPERATOR.match(text, start):
        return Token("op", operator.group(), start, operator.end())
    if _WORD.match(text, start):
        return _word(text, start)
    wrong = text[start : start + 2] if text[start : start + 2] in _FOREIGN else character
    remedy = f"write {_FOREIGN[wrong]}" if wrong in _FOREIGN else 'put text in quotes: "..."'
    raise fault(text, start, f"{wrong!r} is not an operator here", remedy)


def _word(text: str, start: int) -> Token:
    """Reads a word; after a dot a segment of a name may be quoted: `attributes."odd name".x`."""
    parts: list[str] = []
    position, quoted = start, False
    while match := _WORD.match(text, position):
        parts.append(match.group())
        position = match.end()
        if not match.group().endswith(".") or text[position : position + 1] not in ('"', "'", "`"):
            break
        segment = _string(text, position)
        parts.append(segment.text)
        position, quoted = segment.end, True
        if text[position : position + 1] != ".":
            break
    return Token("word", "".join(parts), start, position, quoted)


def _string(text: str, start: int) -> Token:
    quote = text[start]
    position = start + 1
    while position < len(text) and text[position] != quote:
        # Between backquotes a backslash is itself, which suits regular expressions.
        position += 2 if text[position] == "\\" and quote != "`" else 1
    if position >= len(text):
        raise fault(text, start, "a quote is not closed", f"end the text with {quote}")
    inside = text[start + 1 : position]
    if quote != "`":
        inside = _ESCAPED.sub(lambda match: _unescape(text, start + 1, match), inside)
    return Token("string", inside, start, position + 1)


def _unescape(text: str, offset: int, match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2) or match.group(3)
    place = offset + match.start()
    if code is not None:
        value = int(code, 16)
        if value > 0x10FFFF or 0xD800 <= value <= 0xDFFF:
            raise fault(text, place, f"{match.group()} is no character", "use a code in Unicode")
        return chr(value)
    letter = match.group(4)
    if letter not in _ESCAPES:
        raise fault(
            text,
            place,
            f"the escape \\{letter} is unknown",
            f"write \\\\{letter} for a backslash, or put the text between backquotes",
        )
    return _ESCAPES[letter]
