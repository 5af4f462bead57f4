"""Constants of a template: booleans, numbers, characters and strings, as Go writes them."""

import re

from vario.alert.template.format import quote

_SIMPLE_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
}
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3}))"
)
_INTEGER = re.compile(r"[+-]?(0[xX]_?[0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]*|[1-9][0-9_]*)")
_FLOAT = re.compile(r"[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?")


def read_constant(kind: str, text: str) -> bool | int | float | str:
    """Returns the value of a token.

    Args:
        kind: `bool`, `number`, `char`, `string` or `raw`.
        text: the token.

    Raises:
        ValueError: it has none; the message is Go's.
    """
    if kind == "bool":
        return text == "true"
    if kind == "number":
        return _number(text)
    if kind != "char":
        return _unquote(text)
    char = _unquote(text)
    if len(char) != 1:
        raise ValueError(f"malformed character constant: {text}")
    return ord(char)


def _number(text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        digits = text.replace("_", "")
        octal = re.fullmatch(r"([+-]?)0([0-7]+)", digits)
        value = int(f"{octal[1]}0o{octal[2]}" if octal else digits, 0)
        if not -(2**63) <= value < 2**64:
            raise ValueError(f"integer overflow: {quote(text)}")
        return value
    if _FLOAT.fullmatch(text):
        if not set(text) & set(".eE"):
            raise ValueError(f"integer overflow: {quote(text)}")
        return float(text.replace("_", ""))
    raise ValueError(f"illegal number syntax: {quote(text)}")


def _unquote(text: str) -> str:
    if text[0] == "`":
        return text[1:-1].replace("\r", "")
    delimiter, inside = text[0], text[1:-1]
    out = bytearray()
    at = 0
    while at < len(inside):
        if inside[at] != "\\":
            out += inside[at].encode()
            at += 1
            continue
        match = _ESCAPE.match(inside, at)
        if not match or (match[1] in ("'", '"') and match[1] != delimiter):
            raise ValueError("invalid syntax")
        out += _escaped(match)
        at = match.end()
    return out.decode(errors="replace")


def _escaped(match: re.Match[str]) -> bytes:
    """Returns what an escape sequence stands for."""
    simple, byte, short, long, octal = match.groups()
    if simple:
        return _SIMPLE_ESCAPES.get(simple, simple).encode()
    if byte or octal:
        return bytes([int(byte, 16) if byte else int(octal, 8) & 0xFF])
    return chr(int(short or long, 16)).encode(errors="replace")
