"""Charts of a report as inline SVG: one file, no script, and it prints."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

S = 10**9
WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 14, 30
_TICKS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A level across the whole chart, with its name."""

    value: float
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, as a vertical line with its name."""

    time_ns: int
    text: str
    colour: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Values over time, in the order of time; NaN leaves a gap."""

    times_ns: Sequence[int]
    values: Sequence[float]
    text: str
    colour: str
    dashed: bool = False


def draw(
    curves: Sequence[Curve], lines: Sequence[Line], marks: Sequence[Mark], unit: str, title: str
) -> str:
    """Returns a chart as SVG, empty where there is nothing to draw.

    Args:
        curves: what is drawn.
        lines: levels to compare with.
        marks: moments.
        unit: of the values; `s` is shown in milliseconds where they are small.
        title: what screen readers say.
    """
    times = [time for curve in curves for time in curve.times_ns]
    values = [v for curve in curves for v in curve.values if math.isfinite(v)]
    if len(times) < 2 or not values or min(times) == max(times):
        return ""
    levels = [line.value for line in lines if math.isfinite(line.value)]
    top = max([*values, *levels, 1e-12]) * 1.08
    plot = _Plot(min(times), max(times), top)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        'xmlns="http://www.w3.org/2000/svg">',
        *plot.axes(unit),
        *(plot.line(line) for line in lines if math.isfinite(line.value)),
        *(plot.mark(mark) for mark in marks if plot.start_ns <= mark.time_ns <= plot.end_ns),
        *(plot.curve(curve) for curve in curves),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Plot:
    start_ns: int
    end_ns: int
    top: float

    def x(self, time_ns: int) -> float:
        share = (time_ns - self.start_ns) / (self.end_ns - self.start_ns)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return HEIGHT - BOTTOM - max(0.0, value) / self.top * (HEIGHT - TOP - BOTTOM)

    def axes(self, unit: str) -> list[str]:
        parts: list[str] = []
        for i in range(_TICKS + 1):
            value = self.top * i / _TICKS
            y = self.y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" class="grid"/>')
            label = _label(value, unit, self.top)
            parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
            time_ns = self.start_ns + (self.end_ns - self.start_ns) * i // _TICKS
            anchor = "start" if i == 0 else "end" if i == _TICKS else "middle"
            clock = f"{datetime.fromtimestamp(time_ns // S, UTC):%H:%M:%S}"
            at = f'x="{self.x(time_ns):.1f}" y="{HEIGHT - 10}" text-anchor="{anchor}"'
            parts.append(f"<text {at}>{clock}</text>")
        return parts

    def line(self, line: Line) -> str:
        y = self.y(line.value)
        text = f'<text x="{WIDTH - RIGHT - 4}" y="{y - 4:.1f}" text-anchor="end"'
        return (
            f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{line.colour}" '
            f'stroke-dasharray="6 4" fill="none"/>{text} fill="{line.colour}">'
            f"{escape(line.text)}</text>"
        )

    def mark(self, mark: Mark) -> str:
        x = self.x(mark.time_ns)
        near_end = x > WIDTH * 0.7
        text = f'<text x="{x + (-4 if near_end else 4):.1f}" y="{TOP + 8}" fill="{mark.colour}"'
        return (
            f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="{mark.colour}" fill="none"/>'
            f'{text} text-anchor="{"end" if near_end else "start"}">{escape(mark.text)}</text>'
        )

    def curve(self, curve: Curve) -> str:
        path, pen = "", "M"
        for time_ns, value in zip(curve.times_ns, curve.values, strict=True):
            if not math.isfinite(value):
                pen = "M"
                continue
            path += f"{pen}{self.x(time_ns):.1f} {self.y(value):.1f}"
            pen = "L"
        dashes = ' stroke-dasharray="3 3"' if curve.dashed else ""
        return (
            f'<path d="{path}" fill="none" stroke="{curve.colour}" stroke-width="2"{dashes}>'
            f"<title>{escape(curve.text)}</title></path>"
        )


def _label(value: float, unit: str, top: float) -> str:
    if unit == "s" and top < 1:
        return f"{value * 1e3:.3g} ms"
    if unit == "1":
        return f"{value * 100:.3g} %"
    return escape(f"{value:.3g} {unit}".strip())
