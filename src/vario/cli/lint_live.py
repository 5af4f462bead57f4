"""What a running server knows of metrics, for `vario lint --server`: vario, or any Prometheus."""

from functools import cached_property
from typing import Any

from vario.cli.client import ask
from vario.clock import SystemClock

_LOOK_BACK_S = 2 * 86_400


class LiveServer:
    """Answers what the linter asks; each question goes out once."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._found: dict[str, bool] = {}
        self._bounds: dict[str, tuple[float, ...]] = {}

    def _ask(self, path: str, **params: object) -> Any:
        return ask(self._server, path, params)["data"]

    @cached_property
    def _metadata(self) -> dict[str, str]:
        data = self._ask("/api/v1/metadata")
        return {name: entries[0]["type"] for name, entries in data.items() if entries}

    def metric_type(self, name: str) -> str:
        """Returns the metric's type; empty where the server does not know it."""
        known = self._metadata.get(name, "")
        if known or not name.endswith(("_bucket", "_count", "_sum")):
            return known if known != "unknown" else ""
        base = self._metadata.get(name.rpartition("_")[0], "")
        return "counter" if base in ("histogram", "summary") else ""

    def has_series(self, selector: str) -> bool:
        """Whether the selector finds any series of the last two days."""
        if selector not in self._found:
            start = SystemClock().now_ns() // 10**9 - _LOOK_BACK_S
            params = {"match[]": selector, "start": start, "limit": 1}
            self._found[selector] = bool(self._ask("/api/v1/series", **params))
        return self._found[selector]

    def bucket_bounds(self, metric: str) -> tuple[float, ...]:
        """Returns the finite bounds of a classic histogram's buckets."""
        if metric not in self._bounds:
            values = self._ask("/api/v1/label/le/values", **{"match[]": metric})
            bounds = sorted(float(value) for value in values)
            self._bounds[metric] = tuple(bound for bound in bounds if bound != float("inf"))
        return self._bounds[metric]
