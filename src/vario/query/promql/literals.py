"""Numbers, durations and strings as PromQL writes them, and as Go prints them."""

import math
import re
from decimal import Decimal

_UNITS = ("y", "w", "d", "h", "m", "s", "ms")
_UNIT_MS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_DURATION = re.compile("".join(rf"(?:(\d+){unit}(?![a-z]))?" for unit in _UNITS))
_OCTAL = re.compile(r"0[0-7_]*")
_HEX_FLOAT = re.compile(r"0[xX].*[pP]")
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-7]{3})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))|(\\)"
)
_NAMED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def parse_duration_ms(text: str) -> int:
    """Returns a Prometheus duration in milliseconds.

    Raises:
        ValueError: `text` is empty, or its units are unknown or out of order.

    >>> parse_duration_ms("1h30m")
    5400000
    """
    if text == "0":
        return 0
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise ValueError(f'not a valid duration string: "{text}"')
    total = sum(
        int(n) * _UNIT_MS[unit] for unit, n in zip(_UNITS, match.groups(), strict=True) if n
    )
    if total > (1 << 63) // 1_000_000:
        raise ValueError("duration out of range")
    return total


def format_duration_ms(milliseconds: int) -> str:
    """Returns a duration as Prometheus prints it (weeks and years only where they are exact).

    >>> format_duration_ms(5_400_000)
    '1h30m'
    """
    if milliseconds == 0:
        return "0s"
    rest, parts = abs(milliseconds), ["-" if milliseconds < 0 else ""]
    for unit in _UNITS:
        size = _UNIT_MS[unit]
        if unit in ("y", "w") and rest % size:
            continue
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def parse_number(text: str) -> float:
    """Returns a number literal: decimal, hexadecimal, octal (leading 0), `Inf`, `NaN`.

    Raises:
        ValueError: `text` is none of them.
    """
    digits = text.replace("_", "")
    sign = -1.0 if digits.startswith("-") else 1.0
    bare = digits.lstrip("+-")
    if bare.lower() in ("inf", "infinity", "nan"):
        return sign * float(bare)
    if bare[:2] in ("0x", "0X"):
        return sign * (float.fromhex(bare) if _HEX_FLOAT.match(bare) else float(int(bare, 16)))
    if _OCTAL.fullmatch(bare):
        return sign * float(int(bare, 8))
    return sign * float(bare)


def unquote(text: str) -> str:
    r"""Returns the value of a quoted string literal; bytes that are not UTF-8 are surrogates.

    Raises:
        ValueError: an escape that Go does not have.
    """
    quote, body = text[0], text[1:-1]
    if quote == "`":
        return body

    def replace(match: re.Match[str]) -> str:
        named, hexa, octal, short, long, bad = match.groups()
        if bad is not None or (named in ("'", '"') and named != quote):
            raise ValueError("invalid syntax")
        if named is not None:
            return _NAMED.get(named, named)
        if short or long:
            return chr(int(short or long, 16))
        code = int(hexa, 16) if hexa else int(octal, 8)
        if code > 255:
            raise ValueError("invalid syntax")
        return chr(code) if code < 0x80 else chr(0xDC00 + code)

    joined = _ESCAPE.sub(replace, body)
    return joined.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def format_float(number: float) -> str:
    """Returns a float as Go's `strconv.FormatFloat(v, 'f', -1, 64)`.

    >>> format_float(1e21), format_float(0.1), format_float(float("-inf"))
    ('1000000000000000000000', '0.1', '-Inf')
    """
    value = float(number)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return "-0" if value == 0 and math.copysign(1.0, value) < 0 else str(int(value))
    text = repr(value)
    return format(Decimal(text), "f").removesuffix(".0") if "e" in text else text.removesuffix(".0")


def format_general(number: float) -> str:
    """Returns a float as Go's `%g` (and `FormatFloat(v, 'g', -1, 64)`).

    >>> format_general(1e21), format_general(1e-05), format_general(100000.0)
    ('1e+21', '1e-05', '100000')
    """
    value = float(number)
    if value == 0 or not math.isfinite(value):
        return format_float(value)
    mantissa, _, power = format(Decimal(repr(value)).normalize(), "e").partition("e")
    exponent = int(power)
    if exponent < -4 or exponent >= 21:
        return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    return format_float(value)
