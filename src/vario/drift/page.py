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


def render(title: str, summary: Sequence[str], panels: Sequence[Panel]) -> str:
    """Returns the page; panels that need attention come first."""
    ordered = sorted(panels, key=lambda panel: not panel.is_bad)
    told = "".join(f"<li>{escape(line)}</li>" for line in summary)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        '<meta name=viewport content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><main><h1>{escape(title)}</h1><ul class=told>{told}</ul>"
        "<p class=key><span class=r></span> reference <span class=c></span> current</p>"
        f"{''.join(_panel(panel) for panel in ordered)}</main></html>"
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
.key span{display:inline-block;width:.8rem;height:.8rem;border-radius:2px}
.axis{display:flex;justify-content:space-between;font-size:.8rem;opacity:.75}
"""
