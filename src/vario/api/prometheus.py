"""Prometheus' HTTP API, as a router: Grafana, promtool and alerting rules read metrics here."""

import asyncio
import threading
from collections.abc import Callable, Sequence

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from vario.api.context import Context, get_context
from vario.api.prometheus_json import clean, encode_answer, encode_exemplars, encode_result
from vario.api.prometheus_params import (
    MAX_TIME_MS,
    MIN_TIME_MS,
    Parameters,
    read_parameters,
)
from vario.errors import BadData
from vario.model.series import Matcher
from vario.query.promql.engine import Options, PromQL, Result
from vario.query.promql.lexer import ParseError
from vario.query.promql.nodes import Node
from vario.query.promql.parser import parse_selector
from vario.query.promql.printer import to_pretty
from vario.query.promql.selectors import find_selectors

COMPATIBLE_VERSION = "3.5.0"
"""The version of Prometheus whose API this is: clients look for features by it."""

MAX_POINTS = 11_000
_TRUNCATED = "results truncated due to limit"
_LIMITS = "exceeded maximum resolution of 11,000 points per timeseries. "

Answer = Callable[["Prometheus", Parameters], bytes]


def create_router(options: Options | None = None) -> APIRouter:
    """Returns the routes of Prometheus' API; the application's context has the store.

    Args:
        options: settings of the query engine.
    """
    router = APIRouter(prefix="/api/v1", include_in_schema=False)
    for path, methods, answer in ROUTES:
        router.add_api_route(path, _endpoint(answer, options), methods=list(methods))
    return router


def _endpoint(answer: Answer, options: Options | None) -> Callable[[Request], object]:
    async def endpoint(request: Request) -> Response:
        parameters = await read_parameters(request)
        context = await get_context(request)
        gone = threading.Event()
        label = request.path_params.get("label", "")
        face = Prometheus(context, options or Options(), gone.is_set, label)
        watch = asyncio.create_task(_watch(request, gone))
        try:
            body = await run_in_threadpool(answer, face, parameters)
        finally:
            watch.cancel()
        return Response(body, media_type="application/json")

    return endpoint


async def _watch(request: Request, gone: threading.Event) -> None:
    """Sets `gone` when the caller goes away; the body has been read, so nothing else can come."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    gone.set()


class Prometheus:
    """Answers to the questions of one request."""

    def __init__(
        self, context: Context, options: Options, gone: Callable[[], bool], label: str
    ) -> None:
        self.store = context.store
        self.clock = context.clock
        self.gone = gone
        self.label = label
        self.engine = PromQL(context.store, options)

    # Queries

    def query(self, parameters: Parameters) -> bytes:
        """A query at one time."""
        time_ms = parameters.time_ms("time", self.clock.now_ns() // 1_000_000)
        text, node = self._parse(parameters)
        limit = parameters.limit()
        result = self.engine.instant(
            node,
            time_ms,
            text=text,
            lookback_ms=self._lookback(parameters),
            timeout_s=self._timeout(parameters),
            canceled=self.gone,
        )
        return self._encode(result, limit, parameters)

    def query_range(self, parameters: Parameters) -> bytes:
        """A query over a range of time."""
        start_ms, end_ms = parameters.time_ms("start"), parameters.time_ms("end")
        if end_ms < start_ms:
            message = "end timestamp must not be before start time"
            raise BadData(f'invalid parameter "end": {message}')
        step_ms = parameters.duration_ms("step")
        if step_ms <= 0:
            message = (
                "zero or negative query resolution step widths are not accepted. "
                "Try a positive integer"
            )
            raise BadData(f'invalid parameter "step": {message}')
        if (end_ms - start_ms) // step_ms > MAX_POINTS:
            raise BadData(_LIMITS + "Try decreasing the query resolution (?step=XX)")
        text, node = self._parse(parameters)
        limit = parameters.limit()
        result = self.engine.range(
            node,
            start_ms,
            end_ms,
            step_ms,
            text=text,
            lookback_ms=self._lookback(parameters),
            timeout_s=self._timeout(parameters),
            canceled=self.gone,
        )
        return self._encode(result, limit, parameters)

    def format_query(self, parameters: Parameters) -> bytes:
        """A query laid out for reading."""
        _, node = self._parse(parameters)
        return encode_answer(orjson.dumps(clean(to_pretty(node))))

    def _parse(self, parameters: Parameters) -> tuple[str, Node]:
        text = parameters.one("query")
        try:
            return text, self.engine.parse(text)
        except ParseError as error:
            raise BadData(f'invalid parameter "query": {error}') from error

    def _timeout(self, parameters: Parameters) -> float | None:
        if not parameters.one("timeout"):
            return None
        return parameters.duration_ms("timeout") / 1000

    def _lookback(self, parameters: Parameters) -> int | None:
        if not parameters.one("lookback_delta"):
            return None
        return parameters.duration_ms("lookback_delta")

    def _encode(self, result: Result, limit: int | None, parameters: Parameters) -> bytes:
        warnings = list(result.warnings)
        if limit is not None and len(result.series) > limit:
            del result.series[limit:]
            warnings.append(_TRUNCATED)
        data = encode_result(result)
        if parameters.one("stats"):
            counts = {"totalQueryableSamples": result.samples, "peakSamples": result.peak}
            data += b',"stats":' + orjson.dumps({"timings": result.timings, "samples": counts})
        return encode_answer(data + b"}", warnings, result.infos)

    # Series and labels

    def series(self, parameters: Parameters) -> bytes:
        """Label sets of series that match any of the selectors."""
        selectors = self._selectors(parameters)
        if not selectors:
            raise BadData("no match[] parameter provided")
        start_ms, end_ms = self._span(parameters)
        limit = parameters.limit()
        found: set[tuple[tuple[str, str], ...]] = set()
        for matchers in selectors:
            matched = self.store.find_series(matchers, start_ms, end_ms)
            found.update(tuple(sorted(labels.items())) for labels in matched.labels)
        rows = sorted(found)
        warnings = [_TRUNCATED] if limit is not None and len(rows) > limit else []
        return encode_answer(orjson.dumps([dict(row) for row in rows[:limit]]), warnings)

    def labels(self, parameters: Parameters) -> bytes:
        """Names of labels."""
        start_ms, end_ms = self._span(parameters)
        names = self.store.find_label_names(self._selectors(parameters), start_ms, end_ms)
        return self._names(names, parameters)

    def label_values(self, parameters: Parameters) -> bytes:
        """Values of one label."""
        name = unescape_name(self.label)
        if not name:
            raise BadData('invalid label name: ""')
        start_ms, end_ms = self._span(parameters)
        selectors = self._selectors(parameters)
        values = self.store.find_label_values(name, selectors, start_ms, end_ms)
        return self._names(values, parameters)

    def _names(self, names: list[str], parameters: Parameters) -> bytes:
        limit = parameters.limit()
        warnings = [_TRUNCATED] if limit is not None and len(names) > limit else []
        return encode_answer(orjson.dumps(names[:limit]), warnings)

    def _span(self, parameters: Parameters) -> tuple[int, int]:
        """Returns the time range as the store takes it: left-open."""
        start_ms = parameters.time_ms("start", MIN_TIME_MS)
        end_ms = parameters.time_ms("end", MAX_TIME_MS)
        if end_ms < start_ms:
            message = "end timestamp must not be before start time"
            raise BadData(f'invalid parameter "end": {message}')
        return start_ms - 1, end_ms

    def _selectors(self, parameters: Parameters) -> list[tuple[Matcher, ...]]:
        try:
            return [parse_selector(text) for text in parameters.many("match[]")]
        except ParseError as error:
            raise BadData(f'invalid parameter "match[]": {error}') from error

    # What is known of metrics

    def metadata(self, parameters: Parameters) -> bytes:
        """Type, unit and help of metrics."""
        known = self.store.find_metadata(parameters.one("metric") or None)
        limit = parameters.limit()
        data = {
            one.name: [{"type": one.type, "unit": one.unit, "help": one.help}]
            for one in known[:limit]
        }
        return encode_answer(orjson.dumps(data))

    def query_exemplars(self, parameters: Parameters) -> bytes:
        """Exemplars of the series that a query selects."""
        start_ms, end_ms = parameters.time_ms("start"), parameters.time_ms("end")
        if end_ms < start_ms:
            raise BadData('invalid parameter "end": end timestamp must not be before start time')
        _, node = self._parse(parameters)
        found = [
            exemplar
            for selector in find_selectors(node)
            for exemplar in self.store.find_exemplars(selector.matchers, start_ms, end_ms)
        ]
        return encode_answer(encode_exemplars(found))

    def buildinfo(self, parameters: Parameters) -> bytes:
        """Which Prometheus this is like."""
        del parameters
        from vario import __version__

        data = {
            "version": COMPATIBLE_VERSION,
            "revision": f"vario-{__version__}",
            "branch": "HEAD",
            "buildUser": "",
            "buildDate": "",
            "goVersion": "",
        }
        return encode_answer(orjson.dumps(data))


def unescape_name(name: str) -> str:
    """Returns a label name from its `U__` form, in which URLs carry names that are not plain.

    >>> unescape_name("U__http_2e_status")
    'http.status'
    """
    if not name.startswith("U__"):
        return name
    parts = name[3:].split("_")
    result, i = [parts[0]], 1
    while i < len(parts):
        part = parts[i]
        if part == "":
            # Two underscores stand for one.
            result.append("_" + (parts[i + 1] if i + 1 < len(parts) else ""))
            i += 2
            continue
        try:
            result.append(chr(int(part, 16)))
        except (ValueError, OverflowError):
            return name
        result.append(parts[i + 1] if i + 1 < len(parts) else "")
        i += 2
    return "".join(result)


_BOTH: Sequence[str] = ("GET", "POST")

ROUTES: Sequence[tuple[str, Sequence[str], Answer]] = (
    ("/query", _BOTH, Prometheus.query),
    ("/query_range", _BOTH, Prometheus.query_range),
    ("/query_exemplars", _BOTH, Prometheus.query_exemplars),
    ("/format_query", _BOTH, Prometheus.format_query),
    ("/series", _BOTH, Prometheus.series),
    ("/labels", _BOTH, Prometheus.labels),
    ("/label/{label}/values", ("GET",), Prometheus.label_values),
    ("/metadata", ("GET",), Prometheus.metadata),
    ("/status/buildinfo", ("GET",), Prometheus.buildinfo),
)
"""Every path of Prometheus' API that is answered, under `/api/v1`."""
