"""Prometheus' `/api/v1/targets`, `/api/v1/targets/metadata` and `/api/v1/scrape_pools`.

Source: Prometheus' documentation, "HTTP API", section "Targets".
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from vario.errors import BadData
from vario.model.target import TargetsSnapshot, TargetState
from vario.query.promql.matching import matches
from vario.query.promql.parser import parse_selector

SnapshotFunction = Callable[[], TargetsSnapshot]
"""Returns the state of every target."""

_NEVER = "0001-01-01T00:00:00Z"


def make_targets_router(snapshot: SnapshotFunction) -> APIRouter:
    """Returns the routes over targets as they are when they are asked for."""
    router = APIRouter(prefix="/api/v1", include_in_schema=False)

    @router.get("/targets")
    async def targets(request: Request) -> Response:
        state = request.query_params.get("state", "any").lower()
        return _answer(_targets(snapshot(), state, request.query_params.get("scrapePool", "")))

    @router.get("/targets/metadata")
    async def metadata(request: Request) -> Response:
        return _answer(list(_metadata(snapshot(), request.query_params)))

    @router.get("/scrape_pools")
    async def scrape_pools() -> Response:
        return _answer({"scrapePools": sorted(snapshot().dropped_counts)})

    return router


def _answer(data: object) -> Response:
    body = orjson.dumps({"status": "success", "data": data})
    return Response(body, media_type="application/json")


def _targets(all_targets: TargetsSnapshot, state: str, pool: str) -> dict[str, Any]:
    active = [t for t in all_targets.active if pool in ("", t.scrape_pool)]
    dropped = [t for t in all_targets.dropped if pool in ("", t.scrape_pool)]
    shows_active, shows_dropped = state != "dropped", state != "active"
    active.sort(key=lambda t: (t.scrape_pool, t.scrape_url))
    return {
        "activeTargets": [_active(target) for target in active] if shows_active else [],
        "droppedTargets": [
            {"discoveredLabels": _sorted(t.discovered_labels), "scrapePool": t.scrape_pool}
            for t in (dropped if shows_dropped else ())
        ],
        "droppedTargetCounts": all_targets.dropped_counts if shows_dropped else None,
    }


def _active(target: TargetState) -> dict[str, Any]:
    return {
        "discoveredLabels": _sorted(target.discovered_labels),
        "labels": _sorted(target.labels),
        "scrapePool": target.scrape_pool,
        "scrapeUrl": target.scrape_url,
        "globalUrl": target.scrape_url,
        "lastError": target.last_error,
        "lastScrape": _time(target.last_scrape_ns),
        "lastScrapeDuration": target.last_scrape_duration_s,
        "health": target.health,
        "scrapeInterval": target.scrape_interval,
        "scrapeTimeout": target.scrape_timeout,
    }


def _metadata(
    all_targets: TargetsSnapshot, parameters: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """Yields what each target says of its metrics, up to `limit`."""
    selector = parameters.get("match_target", "")
    matchers = parse_selector(selector) if selector else ()
    limit = parameters.get("limit", "")
    if limit and not limit.lstrip("-").isdecimal():
        raise BadData("limit must be a number")
    left = int(limit) if limit and int(limit) >= 0 else None
    for target in all_targets.active:
        if not all(matches(m, target.labels.get(m.name, "")) for m in matchers):
            continue
        for said in target.metadata:
            if parameters.get("metric", "") not in ("", said.name):
                continue
            if left == 0:
                return
            left = None if left is None else left - 1
            yield {
                "target": _sorted(target.labels),
                "metric": said.name,
                "type": said.type,
                "help": said.help,
                "unit": said.unit,
            }


def _sorted(labels: Mapping[str, str]) -> dict[str, str]:
    return dict(sorted(labels.items()))


def _time(time_ns: int) -> str:
    if not time_ns:
        return _NEVER
    seconds = datetime.fromtimestamp(time_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{time_ns % 1_000_000_000:09d}".rstrip("0")
    return f"{seconds}.{fraction}Z" if fraction else f"{seconds}Z"
