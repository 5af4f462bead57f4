"""Metrics as a service has them that knows only Prometheus: counted here, and read by a scrape.

The format is Prometheus' text format 0.0.4. Label values are the demo's own words, which need no
escapes. For one thread.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)


class Histogram:
    """Durations, counted by upper bounds in seconds."""

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self._sum_s = 0.0

    def observe(self, duration_s: float) -> None:
        """Counts one duration."""
        self._counts[bisect_left(BOUNDS_S, duration_s)] += 1
        self._sum_s += duration_s

    def lines(self, name: str, label: str) -> Iterator[str]:
        """Yields the series: buckets that include those below them, the sum and the count."""
        total = 0
        for bound, count in zip((*BOUNDS_S, "+Inf"), self._counts, strict=True):
            total += count
            yield f'{name}_bucket{{{label},le="{bound}"}} {total}'
        yield f"{name}_sum{{{label}}} {self._sum_s}"
        yield f"{name}_count{{{label}}} {total}"


class CacheMetrics:
    """What the feature store tells whoever scrapes it, by region.

    Args:
        entries: how many entries the cache of each region has now.
    """

    def __init__(self, entries: Mapping[str, Callable[[], int]]) -> None:
        self._entries = entries
        self.hits = Counter[str]()
        self.misses = Counter[str]()
        self.reads = {region: Histogram() for region in entries}

    def render(self) -> str:
        """Returns all of it in the text format."""
        lines: list[str] = []
        for kind, counted in (("hits", self.hits), ("misses", self.misses)):
            name = f"feature_store_cache_{kind}_total"
            lines += [f"# HELP {name} Look-ups that were {kind}.", f"# TYPE {name} counter"]
            lines += [f'{name}{{region="{region}"}} {counted[region]}' for region in self._entries]
        name = "feature_store_cache_entries"
        lines += [f"# HELP {name} Users whose features are cached.", f"# TYPE {name} gauge"]
        lines += [
            f'{name}{{region="{region}"}} {count()}' for region, count in self._entries.items()
        ]
        name = "feature_store_read_seconds"
        lines += [f"# HELP {name} Reads of the database, waiting included."]
        lines += [f"# TYPE {name} histogram"]
        for region, reads in self.reads.items():
            lines += reads.lines(name, f'region="{region}"')
        return "\n".join([*lines, ""])


class Exposed:
    """An ASGI application with `/metrics` in front of it.

    Scrapes are no users' requests: an application that records its requests does not see them.
    """

    def __init__(self, app: ASGIApp, render: Callable[[], str]) -> None:
        self._app = app
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection."""
        app = self._app
        if scope["type"] == "http" and scope["path"] == "/metrics":
            app = Response(self._render(), headers={"content-type": CONTENT_TYPE})
        await app(scope, receive, send)
