"""Drift as one HTML file with pictures: nothing in it is loaded from anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 560, 150


@dataclass(frozen=True, slots=True)
class Panel:
    """One feature on the page.

    Attributes:
        title: the feature and where it was looked at.
        lines: what is to be said of it.
        is_bad: whether it needs attention.
        bins: names of the reference's bins.
        reference: share of the reference's values in each, 0 to 1.
        current: share of the current values.
    """

    title: str
    lines: tuple[str, ...]
    is_bad: bool
    bins: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One feature over time.

    Attributes:
        name: the feature.
        over_chance: PSI over what chance passes, for each time; None where it was not judged.
        missing: share of predictions without it, 0 to 1, likewise.
    """

    name: str
    over_chance: tuple[float | None, ...]
    missing: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """Features by time.

    Attributes:
        title: which part of the traffic.
        times: how each time is shown.
        rows: a feature each.
    """

    title: str
    times: tuple[str, ...]
    rows: tuple[Row, ...]


def render(
    title: str,
    summary: Sequence[str],
    panels: Sequence[Panel],
    maps: Sequence[HeatMap] = (),
    table: Sequence[Sequence[str]] = (),
) -> str:
    """Returns the page; panels that need attention come first.

    Args:
        title: its title.
        summary: what was found, in words.
        panels: features with their distributions.
        maps: features over time.
        table: rows of accept rates, the first one is the head.
    """
    ordered = sorted(panels, key=lambda panel: not panel.is_bad)
    told = "".join(f"<li>{escape(line)}</li>" for line in summary)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><main><h1>{escape(title)}</h1><ul class=told>{told}</ul>"
        "<p class=key><span class=r></span> reference <span class=c></span> current</p>"
        f"{_table(table)}{''.join(_heat_map(one) for one in maps if one.rows)}"
        f"{''.join(_panel(panel) for panel in ordered)}</main></html>"
    )


def _table(rows: Sequence[Sequence[str]]) -> str:
    if len(rows) < 2:
        return ""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in rows[0])
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows[1:]
    )
    return f"<section><h2>Feedback</h2><table><tr>{head}</tr>{body}</table></section>"


def _heat_map(shown: HeatMap) -> str:
    """Returns features by time as SVG: the darker, the more often PSI is what chance passes."""
    left, tall = 130, 18
    step = (WIDTH - left) / max(len(shown.times), 1)
    cells: list[str] = []
    for y, row in enumerate(shown.rows):
        cells.append(
            f'<text x="{left - 6}" y="{y * tall + 13}" text-anchor="end">{escape(row.name)}</text>'
        )
        for x, (over, gone) in enumerate(zip(row.over_chance, row.missing, strict=True)):
            if over is None and gone is None:
                continue
            known = "PSI unknown" if over is None else f"PSI {over:.2f} times what chance passes"
            told = f"{row.name}, {shown.times[x]}: {known}, missing {gone or 0.0:.2%}"
            # 1 is what chance passes: paler below, and as dark as it gets at 4 times.
            depth = min((over or 0.0) / 4, 1.0)
            kind = "g" if (gone or 0.0) > 0.01 and depth < 0.25 else "c"
            cells.append(
                f'<rect class={kind} x="{left + x * step:.1f}" y="{y * tall + 1}"'
                f' width="{max(step - 0.5, 0.5):.1f}" height="{tall - 2}"'
                f' fill-opacity="{0.07 + 0.93 * depth:.2f}"><title>{escape(told)}</title></rect>'
            )
    height = len(shown.rows) * tall
    first, last = escape(shown.times[0]), escape(shown.times[-1])
    return (
        f"<section><h2>{escape(shown.title)}</h2><p>Features over time: the darker, the farther PSI"
        " is above what chance passes; orange where values are missing alone.</p>"
        f'<svg viewBox="0 0 {WIDTH} {height}" role=img aria-label="{escape(shown.title)}:'
        f' drift over time">{"".join(cells)}</svg><p class=axis><span>{first}</span>'
        f"<span>{last}</span></p></section>"
    )


def _panel(panel: Panel) -> str:
    lines = "".join(f"<p>{escape(line)}</p>" for line in panel.lines)
    mark = " class=bad" if panel.is_bad else ""
    return f"<section{mark}><h2>{escape(panel.title)}</h2>{lines}{_bars(panel)}</section>"


def _bars(panel: Panel) -> str:
    """Returns the two distributions side by side, bin for bin, as SVG."""
    top = max((*panel.reference, *panel.current, 1e-9))
    step = WIDTH / max(len(panel.bins), 1)
    bars: list[str] = []
    for i, name in enumerate(panel.bins):
        told = f"{name}: {panel.reference[i]:.1%} in the reference, {panel.current[i]:.1%} now"
        pair = ""
        for k, (share, kind) in enumerate(((panel.reference[i], "r"), (panel.current[i], "c"))):
            height = share / top * HEIGHT
            x, width = (i + 0.1 + k * 0.4) * step, step * 0.38
            pair += (
                f'<rect class={kind} x="{x:.1f}" y="{HEIGHT - height:.1f}" width="{width:.1f}"'
                f' height="{height:.1f}"/>'
            )
        bars.append(f"<g><title>{escape(told)}</title>{pair}</g>")
    first, last = (escape(panel.bins[i]) for i in (0, -1)) if panel.bins else ("", "")
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role=img aria-label="{escape(panel.title)}:'
        f' shares by bin">{"".join(bars)}</svg><p class=axis><span>{first}</span>'
        f"<span>{last}</span></p>"
    )


_STYLE = """
:root{color-scheme:light dark;--r:#8a94a6;--c:#2563eb;--bad:#c2410c;--line:#d5d9e0}
@media(prefers-color-scheme:dark){:root{--r:#7b8698;--c:#60a5fa;--bad:#fb923c;--line:#3a4150}}
body{font:15px/1.5 system-ui,sans-serif;margin:0}
main{max-width:44rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1rem;margin:0 0 .3rem}p{margin:.1rem 0}
section{border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;
padding:.8rem 1rem;margin:1rem 0}section.bad{border-left-color:var(--bad)}
svg{width:100%;height:auto;margin-top:.6rem;border-bottom:1px solid var(--line)}
rect.r,span.r{fill:var(--r);background:var(--r)}rect.c,span.c{fill:var(--c);background:var(--c)}
rect.g{fill:var(--bad);fill-opacity:.6}text{font:11px system-ui;fill:currentColor}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:left;padding:.2rem .5rem;border-bottom:1px solid var(--line)}
.key span{display:inline-block;width:.8rem;height:.8rem;border-radius:2px}
.axis{display:flex;justify-content:space-between;font-size:.8rem;opacity:.75}
"""
