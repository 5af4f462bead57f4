"""The tools: what can be asked, in the words that a model reads."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from pydantic import Field

from vario.clock import Clock
from vario.errors import BadData, Unavailable
from vario.mcp.ask import Api
from vario.mcp.digest import shrink
from vario.mcp.outline import outline_trace
from vario.query.durations import parse_duration_ns

Since = Annotated[str, Field(description="How far back to look: 15m, 1h, 7d.")]
FilterText = Annotated[
    str,
    Field(
        description="vario's filter grammar, such as: service.name = 'ml-infer' and "
        "attributes.region = 'us-east' and duration > 300ms; for logs: severity >= error "
        "and body contains 'timeout'. Empty for everything."
    ),
]
Answer = dict[str, Any]
Tool = Callable[..., Awaitable[Answer]]

_SAMPLES = 30
"""Points of a series that an answer has."""


class Tools:
    """Every tool as a method; its docstring is what a model is told of it."""

    def __init__(self, api: Api, clock: Clock) -> None:
        self._api = api
        self._clock = clock

    async def list_services(self, since: Since = "1h") -> Answer:
        """Lists services and models. Start here.

        Requests, rate, error ratio, p50/p95/p99 latency in seconds, versions and regions of each.
        """
        answer = await self._get("/api/services", _window(since))
        for service in answer["answer"]["services"]:
            service.pop("points", None)
        return self._small(answer, "/")

    async def list_metrics(
        self,
        contains: Annotated[str, Field(description="Only names with this text in them.")] = "",
    ) -> Answer:
        """Lists names of stored metrics, to be used in query_metrics."""
        answer = await self._get("/api/v1/label/__name__/values", {})
        names = [name for name in answer["answer"]["data"] if contains in name]
        return self._small({**answer, "answer": names}, "/metrics")

    async def query_metrics(
        self,
        promql: Annotated[str, Field(description="A PromQL expression.")],
        since: Annotated[
            str, Field(description="Evaluate over this long up to now; empty for now alone.")
        ] = "",
    ) -> Answer:
        """Evaluates PromQL, now or over a range of 30 steps. Values are [unix seconds, value]."""
        if not since:
            answer = await self._get("/api/v1/query", {"query": promql})
        else:
            answer = await self._get("/api/v1/query_range", {"query": promql, **self._grid(since)})
        return self._small({**answer, "answer": answer["answer"]["data"]}, "/metrics")

    async def search_traces(
        self,
        filter: FilterText = "",
        since: Since = "1h",
        order: Literal["newest", "slowest"] = "newest",
        limit: Annotated[int, Field(ge=1, le=50)] = 10,
    ) -> Answer:
        """Finds traces with a span that matches: ids, root, duration in seconds, errors."""
        params = {"filter": filter, "order": order, "limit": limit, **_window(since)}
        answer = await self._get("/api/traces", params)
        return self._small(answer, _page("/traces", filter, since))

    async def get_trace(
        self, trace_id: Annotated[str, Field(description="32 hexadecimal digits.")]
    ) -> Answer:
        """Shows one request as a tree of spans.

        Start, duration and self time in milliseconds, errors and attributes; the longest spans
        where there are many.
        """
        answer = await self._get(f"/api/traces/{quote(trace_id, safe='')}", {})
        outline = outline_trace(answer["answer"]["spans"])
        return self._small({**answer, "answer": outline}, f"/traces/{quote(trace_id, safe='')}")

    async def search_logs(
        self,
        filter: FilterText = "",
        since: Since = "1h",
        limit: Annotated[int, Field(ge=1, le=100)] = 20,
    ) -> Answer:
        """Finds log records, newest first, with severity, body, attributes and trace id."""
        answer = await self._get("/api/logs", {"filter": filter, "limit": limit, **_window(since)})
        keep = ("time_unix_nano", "severity_text", "service", "body", "attributes", "trace_id")
        logs = [{name: log.get(name) for name in keep} for log in answer["answer"]["logs"]]
        return self._small({**answer, "answer": logs}, _page("/logs", filter, since))

    async def list_fields(
        self, signal: Literal["traces", "logs"], field: str = "", since: Since = "1h"
    ) -> Answer:
        """Lists the fields of spans or log records that a filter can name.

        With `field`, lists the frequent values of that field.
        """
        params = {"signal": signal, **_window(since)}
        if field:
            answer = await self._get("/api/fields/values", {**params, "field": field, "limit": 30})
        else:
            answer = await self._get("/api/fields", params)
        return self._small(answer, f"/{signal}")

    async def list_slos(self) -> Answer:
        """Lists SLOs: objective, whether it is met, error budget left, burn rates."""
        answer = await self._get("/api/slos", {})
        for slo in answer["answer"]["slos"]:
            slo.pop("groups", None)
        return self._small(answer, "/slos")

    async def get_slo(self, slo_id: str) -> Answer:
        """Shows one SLO: its definition, budget, groups, and what spent the budget."""
        path = f"/slos/{quote(slo_id, safe='')}"
        return self._small(await self._get(f"/api{path}", {}), path)

    async def list_alerts(self, state: Literal["", "pending", "firing", "resolved"] = "") -> Answer:
        """Lists alerts with severity, owner, what happens in words and links."""
        answer = await self._get("/api/alerts", {"state": state})
        for alert in answer["answer"]["alerts"]:
            for detail in ("changes", "deliveries", "receivers"):
                alert.pop(detail, None)
        return self._small(answer, "/alerts")

    async def list_incidents(
        self, state: Literal["open", "verifying", "resolved", "all"] = "all", since: Since = "24h"
    ) -> Answer:
        """Lists incidents: what hurts whom, since when, the first suspect, whether a fix worked."""
        params = {"state": state, **_window(since)}
        return self._small(await self._get("/api/incidents", params), "/incidents")

    async def get_incident(self, incident_id: str) -> Answer:
        """Shows an incident: the answer in sentences, suspects with evidence, proof of its fix."""
        path = f"/incidents/{quote(incident_id, safe='')}"
        answer = await self._get(f"/api{path}", {})
        if answer["answer"]["investigation"]:
            _trim(answer["answer"]["investigation"])
        if answer["answer"]["verification"]:
            answer["answer"]["verification"].pop("points", None)
        return self._small(answer, path)

    async def investigate(
        self,
        service: Annotated[str, Field(description="service.name, as list_services names it.")],
        symptom: Annotated[
            Literal["", "latency", "errors", "traffic", "quality", "cost", "saturation"],
            Field(description="What is wrong; empty to look for the worst."),
        ] = "",
        since: Since = "1h",
    ) -> Answer:
        """Finds out why a service is not well: what changed, where, since when, and why.

        Suspects come ranked, with numbers, the queries that give them again, and what speaks
        against them; what was ruled out follows. It says so where there is no clear cause.
        """
        params = {"service": service, "symptom": symptom, **_window(since)}
        answer = await self._get("/api/investigate", params)
        _trim(answer["answer"])
        return self._small(answer, f"/investigate?{urlencode({'service': service})}")

    async def find_log_patterns(self, filter: FilterText = "", since: Since = "1h") -> Answer:
        """Groups log records by pattern: what is new or more frequent than in the time before."""
        params = {"filter": filter, "limit": 20, **_window(since)}
        return self._small(await self._get("/api/logs/patterns", params), "/logs")

    async def get_drift(self, model: str = "") -> Answer:
        """Tells which features, predictions and scores drifted or went missing.

        For which versions and segments, and since when.
        """
        answer = await self._get("/api/drift", {"model": model})
        keep = ("time", "error", "findings", "without_reference")
        findings = {name: answer["answer"].get(name) for name in keep}
        return self._small({**answer, "answer": findings}, "/drift")

    async def compare_versions(
        self,
        service: str,
        baseline: Annotated[str, Field(description="Empty for the second newest version.")] = "",
        candidate: Annotated[str, Field(description="Empty for the newest version.")] = "",
        by: Literal["region", "operation", "none"] = "region",
        since: Since = "1h",
    ) -> Answer:
        """Compares two releases: is the candidate slower, failing more, or losing features?"""
        params = {"service": service, "baseline": baseline, "candidate": candidate, "by": by}
        answer = await self._get("/api/compare", {**params, **_window(since)})
        found = answer["answer"]["features"]
        calm = ("stable", "too_few")
        answer["answer"]["features"] = [one for one in found if one["verdict"] not in calm]
        return self._small(answer, f"/services/{quote(service, safe='')}")

    async def get_capacity(
        self,
        service: str,
        target: Annotated[
            str, Field(description="Such as p95<=200ms; empty for the service's latency SLO.")
        ] = "",
        since: Since = "3h",
    ) -> Answer:
        """Tells how much traffic can grow until latency misses its target, and what is idle."""
        params = {"service": service, "target": target, **_window(since)}
        answer = await self._get("/api/capacity", params)
        if answer["answer"]["headroom"]:
            del answer["answer"]["headroom"]["points"]
        return self._small(answer, f"/services/{quote(service, safe='')}")

    async def check_telemetry(self) -> Answer:
        """Examines the telemetry itself: missing ids, clock skew, orphan spans, folded labels."""
        return self._small(await self._get("/api/doctor", {}), "/doctor")

    async def _get(self, path: str, params: Mapping[str, object]) -> Answer:
        try:
            answer = await self._api.get(path, params)
        except (BadData, Unavailable) as error:
            from mcp.server.mcpserver.exceptions import ToolError

            raise ToolError(str(error)) from error
        return {"answer": answer, "source": self._api.cite(path, params)}

    def _grid(self, since: str) -> dict[str, object]:
        try:
            length_s = parse_duration_ns(since) / 1e9
        except ValueError as error:
            from mcp.server.mcpserver.exceptions import ToolError

            raise ToolError(f"since: {since!r} is no duration; write 15m, 1h or 7d") from error
        end_s = self._clock.now_ns() / 1e9
        step_s = max(1.0, length_s / _SAMPLES)
        return {"start": end_s - length_s, "end": end_s, "step": step_s}

    def all(self) -> Sequence[Tool]:
        """Returns the tools in the order in which they are listed."""
        return (
            self.list_services,
            self.list_slos,
            self.get_slo,
            self.list_alerts,
            self.list_incidents,
            self.get_incident,
            self.investigate,
            self.query_metrics,
            self.list_metrics,
            self.search_traces,
            self.get_trace,
            self.search_logs,
            self.find_log_patterns,
            self.list_fields,
            self.get_drift,
            self.compare_versions,
            self.get_capacity,
            self.check_telemetry,
        )

    def _small(self, answer: Answer, page: str) -> Answer:
        return {
            "answer": shrink(answer["answer"]),
            "source": answer["source"],
            "page": self._api.address + page,
        }


def _trim(investigation: dict[str, Any]) -> None:
    """Leaves two numbers of each finding's evidence: their queries are long."""
    for finding in investigation["findings"]:
        finding["evidence"] = finding["evidence"][:2]
        finding["trace_ids"] = finding["trace_ids"][:3]
        finding["logs"] = finding["logs"][:2]
    for one in investigation["ruled_out"]:
        one.pop("evidence", None)


def _window(since: str) -> dict[str, object]:
    return {"start": f"now-{since}", "end": "now"}


def _page(path: str, filter: str, since: str) -> str:
    return f"{path}?{urlencode({'filter': filter, 'from': f'now-{since}'})}"
