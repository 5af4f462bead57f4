"""Go's `fmt`: the verbs of `printf` and the default form of values.

Source: the documentation of Go's package fmt. Not here: `%b`, `%x` of floats, `%p`, and the Go
syntax of `%#v` beyond strings, numbers and maps.
"""

import math
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vario.alert.template.values import (
    NO_VALUE,
    Byte,
    QueryResult,
    Sample,
    Value,
    struct_fields,
    type_name,
)

_INT_VERBS = "vdboOxXcqU"
_FLOAT_VERBS = "veEfFgG"
_STRING_VERBS = "vsqxX"
_ESCAPES = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
}


def sprint(values: Sequence[Value]) -> str:
    """Returns values in their default form, a space between two that are both no strings."""
    out: list[str] = []
    for i, value in enumerate(values):
        if i and not isinstance(value, str) and not isinstance(values[i - 1], str):
            out.append(" ")
        out.append(default_form(value))
    return "".join(out)


def sprintln(values: Sequence[Value]) -> str:
    """Returns values in their default form with spaces between them and a line end."""
    return " ".join(default_form(value) for value in values) + "\n"


def default_form(value: Value) -> str:
    """Returns a value as `%v` prints it."""
    return _render(value, "v", _Flags())


def quote(text: str, delimiter: str = '"') -> str:
    """Returns text as a Go string literal (`%q`)."""
    out = [delimiter]
    for char in text:
        if char == delimiter:
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char == "\ufffd" or char.isprintable():
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        elif ord(char) < 0x10000:
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(f"\\U{ord(char):08x}")
    out.append(delimiter)
    return "".join(out)


def shortest_float(value: float) -> str:
    """Returns the fewest digits that read back as `value`, as Go's `%v` writes a float64.

    >>> shortest_float(1234567.0), shortest_float(0.1), shortest_float(100000.0)
    ('1.234567e+06', '0.1', '100000')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    sign = "-" if value < 0 else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    power = point - 1
    if power < -4 or power >= 6:
        tail = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{sign}{digits[0]}{tail}e{'-' if power < 0 else '+'}{abs(power):02d}"
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    padded = digits.ljust(point, "0")
    tail = f".{padded[point:]}" if len(padded) > point else ""
    return f"{sign}{padded[:point]}{tail}"


@dataclass(slots=True)
class _Flags:
    plus: bool = False
    named: bool = False  # `%+v`: the fields of a struct with their names
    minus: bool = False
    sharp: bool = False
    space: bool = False
    zero: bool = False
    width: int | None = None
    precision: int | None = None

    def pad(self, text: str, *, zero_ok: bool = False) -> str:
        """Returns `text` at least `width` characters wide."""
        missing = (self.width or 0) - len(text)
        if missing <= 0:
            return text
        if self.minus:
            return text + " " * missing
        if self.zero and zero_ok:
            if text[:1] in "+- ":
                return text[:1] + "0" * missing + text[1:]
            return "0" * missing + text
        return " " * missing + text


def sprintf(template: str, arguments: Sequence[Value]) -> str:
    """Returns `template` with its verbs replaced; faults appear in the text as in Go.

    >>> sprintf("%.2f%% of %s, %d", [12.345, "disk", 1.5])
    '12.35% of disk, %!d(float64=1.5)'
    """
    return _Printer(template, arguments).run()


class _Printer:
    """One walk over a format string."""

    def __init__(self, template: str, arguments: Sequence[Value]) -> None:
        self.template = template
        self.arguments = arguments
        self.position = 0
        self.used = 0
        self.reordered = False
        self.good_index = True

    def run(self) -> str:
        out: list[str] = []
        while self.position < len(self.template):
            percent = self.template.find("%", self.position)
            if percent < 0:
                out.append(self.template[self.position :])
                break
            out.append(self.template[self.position : percent])
            self.position = percent + 1
            out.append(self._directive())
        if not self.reordered and self.used < len(self.arguments):
            extra = ", ".join(_typed(value) for value in self.arguments[self.used :])
            out.append(f"%!(EXTRA {extra})")
        return "".join(out)

    def _directive(self) -> str:
        flags, faults = self._flags()
        if self.position >= len(self.template):
            return faults + "%!(NOVERB)"
        verb = self.template[self.position]
        self.position += 1
        if verb == "%":
            return faults + "%"
        if not self.good_index:
            return f"{faults}%!{verb}(BADINDEX)"
        if self.used >= len(self.arguments):
            return f"{faults}%!{verb}(MISSING)"
        value = self.arguments[self.used]
        self.used += 1
        if verb == "v" and flags.plus:
            flags.plus, flags.named = False, True
        return faults + _render(value, verb, flags)

    def _flags(self) -> tuple[_Flags, str]:
        flags, faults = _Flags(), ""
        self.good_index = True
        names = {"+": "plus", "-": "minus", "#": "sharp", " ": "space", "0": "zero"}
        while self._peek() in names:
            setattr(flags, names[self._peek()], True)
            self.position += 1
        self._index()
        flags.width, fault = self._number("%!(BADWIDTH)")
        faults += fault
        if flags.width is not None and flags.width < 0:
            flags.minus, flags.width = True, -flags.width
        if self._peek() == ".":
            self.position += 1
            self._index()
            precision, fault = self._number("%!(BADPREC)")
            faults += fault
            flags.precision = 0 if precision is None and not fault else precision
        self._index()
        return flags, faults

    def _peek(self) -> str:
        return self.template[self.position : self.position + 1] or "\0"

    def _number(self, fault: str) -> tuple[int | None, str]:
        if self._peek() == "*":
            self.position += 1
            if self.used < len(self.arguments) and type(self.arguments[self.used]) is int:
                self.used += 1
                return self.arguments[self.used - 1], ""
            self.used += 1
            return None, fault
        start = self.position
        while self._peek() in string.digits:
            self.position += 1
        text = self.template[start : self.position]
        return (int(text) if text else None), ""

    def _index(self) -> None:
        """Reads an explicit argument index such as `[2]`."""
        if self._peek() != "[":
            return
        self.reordered = True
        close = self.template.find("]", self.position)
        inside = self.template[self.position + 1 : close] if close >= 0 else ""
        self.position = close + 1 if close >= 0 else self.position + 1
        if inside.isdecimal() and 1 <= int(inside) <= len(self.arguments):
            self.used = int(inside) - 1
        else:
            self.good_index = False


def _typed(value: Value, flags: _Flags | None = None) -> str:
    if value is None or value is NO_VALUE:
        return "<nil>"
    return f"{type_name(value)}={_render(value, 'v', flags or _Flags())}"


def _bad_verb(value: Value, verb: str, flags: _Flags) -> str:
    return f"%!{verb}({_typed(value, flags)})"


def _render(value: Value, verb: str, flags: _Flags, depth: int = 0) -> str:
    if verb == "T":
        return flags.pad(type_name(value))
    if hasattr(value, "go_string"):
        value = value.go_string()
    if value is None or value is NO_VALUE:
        text = flags.pad("<nil>") if verb == "v" else _bad_verb(None, verb, flags)
    elif isinstance(value, bool):
        shown = str(value).lower()
        text = flags.pad(shown) if verb in "tv" else _bad_verb(value, verb, flags)
    elif isinstance(value, int):
        text = _render_int(value, verb, flags)
    elif isinstance(value, float):
        text = _render_float(value, verb, flags)
    elif isinstance(value, str):
        text = _render_string(value, verb, flags)
    else:
        text = _render_composite(value, verb, flags, depth)
    return text


def _render_composite(value: Value, verb: str, flags: _Flags, depth: int) -> str:
    if isinstance(value, Mapping):
        pairs = [
            f"{_render(key, verb, flags, depth + 1)}:{_render(value[key], verb, flags, depth + 1)}"
            for key in sorted(value)
        ]
        if verb == "v" and flags.sharp:
            return f"{type_name(value)}{{{', '.join(pairs)}}}"
        return f"map[{' '.join(pairs)}]"
    if isinstance(value, QueryResult):
        return f"[{' '.join(_render(item, verb, flags, depth + 1) for item in value)}]"
    if isinstance(value, Sample) and depth > 0:
        return f"0x{id(value):x}"  # a pointer inside something prints as its address
    named = struct_fields(value) or []
    body = " ".join(
        (f"{name}:" if flags.named else "") + _render(item, verb, flags, depth + 1)
        for name, item in named
    )
    return f"{'&' if isinstance(value, Sample) else ''}{{{body}}}"


def _render_int(value: int, verb: str, flags: _Flags) -> str:
    if verb not in _INT_VERBS:
        return _bad_verb(value, verb, flags)
    if verb == "c":
        return flags.pad(chr(value))
    if verb == "q":
        return flags.pad(quote(chr(value), "'"))
    if verb == "U":
        return flags.pad(f"U+{value:04X}")
    if verb == "v" and flags.sharp and isinstance(value, Byte):
        return flags.pad(f"0x{value:x}")
    base = {"v": "d", "O": "o"}.get(verb, verb)
    digits = format(abs(value), base)
    if flags.precision is not None:
        digits = digits.rjust(flags.precision, "0")
    prefix = {"x": "0x", "X": "0X", "b": "0b", "o": "0"}.get(verb, "") if flags.sharp else ""
    if verb == "O":
        prefix = "0o"
    text = _sign(value < 0, flags) + prefix + digits
    return flags.pad(text, zero_ok=flags.precision is None)


def _render_float(value: float, verb: str, flags: _Flags) -> str:
    if verb not in _FLOAT_VERBS:
        return _bad_verb(value, verb, flags)
    if math.isnan(value):
        return flags.pad(_sign(False, flags) + "NaN")
    negative = math.copysign(1, value) < 0
    if math.isinf(value):
        return flags.pad((_sign(negative, flags) or "+") + "Inf")
    base = {"v": "g", "F": "f"}.get(verb, verb)
    if flags.precision is None and base in "gG":
        digits = shortest_float(abs(value))
        digits = digits.upper() if base == "G" else digits
    else:
        precision = 6 if flags.precision is None else flags.precision
        digits = format(abs(value), f"{'#' if flags.sharp else ''}.{precision}{base}")
    return flags.pad(_sign(negative, flags) + digits, zero_ok=True)


def _sign(negative: bool, flags: _Flags) -> str:
    if negative:
        return "-"
    return "+" if flags.plus else " " if flags.space else ""


def _render_string(value: str, verb: str, flags: _Flags) -> str:
    if verb not in _STRING_VERBS:
        return _bad_verb(value, verb, flags)
    text = str(value) if flags.precision is None else value[: flags.precision]
    if verb in "xX":
        separator = " " if flags.space else ""
        coded = text.encode(errors="surrogateescape").hex(separator) if separator else None
        coded = text.encode(errors="surrogateescape").hex() if coded is None else coded
        return flags.pad(coded.upper() if verb == "X" else coded)
    if verb == "q":
        if flags.sharp and "`" not in text and text.isprintable():
            return flags.pad(f"`{text}`")
        return flags.pad(quote(text))
    if verb == "v" and flags.sharp:
        return flags.pad(quote(text))
    return flags.pad(text, zero_ok=True)
