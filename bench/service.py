"""An inference service on paper: spans, logs and metrics with planted causes, or with none.

`Simulation.write` puts a case into a store: half an hour of one service in two regions, in front of
a feature store with a cache, with noise that remembers and a wave of load. A plan says what goes
wrong, from when on and how badly; controls are plans after which nothing is wrong with the service.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vario.model.series import SampleBlock
from vario.model.telemetry import TimeRange
from vario.store.clickhouse import ClickHouseStore

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

REGIONS = ("us-east", "eu-west", "ap-south")
TIERS = ("free", "pro", "enterprise")
_SECOND_NS = 10**9
_DAY_NS = 86_400 * _SECOND_NS
_RISE_S = 120
"""The daily rise takes so long, and begins so long before the onset."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens to a service.

    Attributes:
        kind: what goes wrong, or changes without harm.
        seed: of all that is drawn.
        severity: how bad it is; 1 is as in the demo.
        rate: requests a second on average.
        minutes: length of the data.
        onset: when it begins, as a share of the length.
        region: where it happens, for the kinds that are regional.
        rise: how much busier it is, and slower, from a daily rise on that ends at the onset.
        earlier: days back on which there was that rise as well, and nothing went wrong.
    """

    kind: str
    seed: int
    severity: float = 1.0
    rate: float = 6.0
    minutes: float = 24.0
    onset: float = 0.7
    region: str = "us-east"
    rise: float = 0.0
    earlier: tuple[int, ...] = ()


@dataclass(slots=True)
class _Requests:
    """Columns over requests."""

    at_s: Floats
    region: NDArray[np.int64]
    tier: NDArray[np.int64]
    host: NDArray[np.int64]
    batch_route: Flags
    version: list[str]
    miss: Flags
    batch_size: NDArray[np.int64]
    encode_s: Floats
    database_s: Floats
    predict_s: Floats
    rest_s: Floats
    failed: Flags
    has_feature: Flags
    accepted: Flags


class Simulation:
    """One service of one plan, from `start_ns` on."""

    def __init__(self, plan: Plan, service: str, start_ns: int) -> None:
        self.plan = plan
        self.service = service
        self.window = TimeRange(start_ns, start_ns + int(plan.minutes * 60) * _SECOND_NS)
        self.onset_ns = start_ns + int(plan.minutes * 60 * plan.onset) * _SECOND_NS
        self._random = np.random.default_rng([plan.seed, sum(map(ord, plan.kind))])

    @property
    def planted(self) -> Mapping[str, str]:
        """Returns what a first finding must name; empty for controls."""
        region = {"region": self.plan.region}
        return {
            "cache": {"cache_hit": "false", **region},
            "release": {"feature": "session_length", **region},
            "batch": {"batch_size": "1"},
            "upstream": {"span": "read_database", **region},
            "deploy_slow": {"model_version": "v23.1"},
            "tier_errors": {"tier": "free"},
        }.get(self.plan.kind, {})

    def write(self, store: ClickHouseStore) -> int:
        """Writes everything into a store; returns the number of spans of this day."""
        for days in self.plan.earlier:
            well = replace(self.plan, kind="quiet", seed=self.plan.seed + 1000 * days, earlier=())
            start_ns = self.window.start_ns - days * _DAY_NS
            Simulation(well, self.service, start_ns).write(store)
        requests = self._draw()
        rows = self._spans(requests)
        _insert(store, "otel_traces", rows)
        _insert(store, "otel_logs", self._logs(requests))
        self._write_metrics(store, requests)
        return len(rows)

    def _draw(self) -> _Requests:
        plan, random = self.plan, self._random
        length_s = plan.minutes * 60
        onset_s = length_s * plan.onset
        at_s = self._arrivals(length_s, onset_s)
        count = len(at_s)
        after = at_s >= onset_s
        mix = np.tile([0.4, 0.4, 0.2], (count, 1))
        if plan.kind == "mix_shift":
            mix[after] = [0.2, 0.2, 0.6]
        region = (random.random(count)[:, None] > np.cumsum(mix, axis=1)).sum(axis=1)
        region = np.minimum(region, 2)
        tier = random.choice(3, count, p=[0.6, 0.3, 0.1])
        host = random.integers(0, 4, count)
        batch_route = random.random(count) < 0.2
        here = region == REGIONS.index(plan.region)
        released = after & (random.random(count) < np.clip((at_s - onset_s) / 30, 0, 1))
        is_release = plan.kind in ("release", "deploy_slow", "harmless_release")
        version = ["v23.1" if new and is_release else "v23" for new in released.tolist()]
        base = self._noise(at_s, length_s)
        has_feature = random.random(count) >= 0.03
        r = _Requests(
            at_s=at_s,
            region=region,
            tier=tier,
            host=host,
            batch_route=batch_route,
            version=version,
            miss=random.random(count) < np.where(region == 2, 0.35, 0.2),
            batch_size=np.where(batch_route, 8, random.integers(2, 6, count)),
            encode_s=0.012 * base * random.lognormal(0, 0.25, count),
            database_s=0.045 * base * random.lognormal(0, 0.35, count),
            predict_s=0.020 * base * random.lognormal(0, 0.2, count),
            rest_s=0.004 * random.lognormal(0, 0.3, count),
            failed=random.random(count) < 0.003,
            has_feature=has_feature,
            accepted=np.zeros(count, dtype=np.bool_),
        )
        self._break(r, after, here, released)
        r.database_s = np.where(r.miss, r.database_s, 0.0)
        r.accepted = random.random(count) < np.where(r.has_feature, 0.32, 0.12)
        return r

    def _break(self, r: _Requests, after: Flags, here: Flags, released: Flags) -> None:
        """Plants the cause among the requests since the onset."""
        draws, severity = self._random.random(len(r.at_s)), self.plan.severity
        match self.plan.kind:
            case "cache":
                bad = after & here
                r.miss |= bad & (draws < 0.68 * severity)
                r.database_s[bad] *= 1 + 2.5 * severity
            case "release":
                r.has_feature &= ~(released & here & (draws < 0.35 * severity))
            case "batch":
                bad = after & r.batch_route
                r.batch_size[bad] = 1
                r.predict_s[bad] *= 1 + 1.5 * severity
            case "upstream":
                bad = after & here & r.miss & (draws < 0.6 * severity)
                r.database_s[bad] = 0.4 + 0.05 * draws[bad]
                r.failed |= bad & (self._random.random(len(r.at_s)) < 0.7)
            case "deploy_slow":
                r.predict_s[released] *= 1 + 2.0 * severity
            case "tier_errors":
                r.failed |= after & (r.tier == 0) & (draws < 0.06 * severity)
            case "noisy_replica":
                r.predict_s[after & (r.host == 3)] *= 1.1
            case _:
                pass

    def _arrivals(self, length_s: float, onset_s: float) -> Floats:
        """Returns when requests arrive: a wave, and a surge where the plan has one."""
        plan, random = self.plan, self._random
        grid = np.arange(0, length_s, 1.0)
        height = 0.5 if plan.kind == "waves" else 0.15
        rate = plan.rate * (1 + height * np.sin(2 * np.pi * grid / 500))
        rate *= self._rise(grid, onset_s)
        if plan.kind in ("cache", "absorbed_surge"):
            rate = np.where(grid >= onset_s, rate * 1.8, rate)
        counts = random.poisson(rate)
        return np.sort(np.repeat(grid, counts) + random.random(int(counts.sum())))

    def _rise(self, at_s: Floats, onset_s: float) -> Floats:
        """Returns the factor of the daily rise at some times."""
        return 1 + self.plan.rise * np.clip((at_s - onset_s) / _RISE_S + 1, 0, 1)

    def _noise(self, at_s: Floats, length_s: float) -> Floats:
        """Returns what every request's time is multiplied by: AR(1) over ten seconds, 4 %."""
        steps = int(length_s // 10) + 2
        noise = np.zeros(steps)
        draws = self._random.normal(0, 0.04 * np.sqrt(1 - 0.6**2), steps)
        for at in range(1, steps):
            noise[at] = 0.6 * noise[at - 1] + draws[at]
        rise = self._rise(at_s, length_s * self.plan.onset)
        return np.exp(noise[(at_s // 10).astype(np.int64)]) * rise

    def _spans(self, requests: _Requests) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        ids = self._random.integers(0, 2**62, (len(requests.at_s), 2))
        for at in range(len(requests.at_s)):
            rows.extend(self._trace(requests, at, f"{ids[at, 0]:016x}{ids[at, 1]:016x}"))
        return rows

    def _trace(self, r: _Requests, at: int, trace_id: str) -> list[dict[str, object]]:
        start = self.window.start_ns + int(r.at_s[at] * 1e9)
        resource = {
            "service.name": self.service,
            "region": REGIONS[r.region[at]],
            "host.name": f"node-{r.host[at]}",
            "service.version": r.version[at],
        }
        database = int(r.database_s[at] * 1e9)
        encode = int(r.encode_s[at] * 1e9) + database
        predict, rest = int(r.predict_s[at] * 1e9), int(r.rest_s[at] * 1e9)
        hit = "false" if r.miss[at] else "true"
        route = "/batch" if r.batch_route[at] else "/rank"
        failed = bool(r.failed[at])
        entry = {
            "http.route": route, "http.request.method": "POST", "tier": TIERS[r.tier[at]],
            "http.response.status_code": "504" if failed else "200",
            "cache_hit": hit, "batch_size": str(r.batch_size[at]), "request_id": trace_id[:12],
            "user_region": REGIONS[r.region[at]],
        }  # fmt: skip
        total = encode + predict + rest
        make = _Maker(trace_id, resource)
        rows = [
            make(1, "", f"POST {route}", "Server", start, total, entry, failed),
            make(2, "1", "encode_features", "Internal", start, encode, {"cache_hit": hit}, False),
            make(3, "1", "predict", "Internal", start + encode, predict,
                 {"batch_size": str(r.batch_size[at]), "batch_id": trace_id[:8]}, False),
            make(4, "1", "postprocess", "Internal", start + encode + predict, rest, {}, False),
        ]  # fmt: skip
        if database:
            store = _Maker(trace_id, resource | {"service.name": f"feature-store-{self.service}"})
            begin = start + encode - database
            timed_out = failed and database > 390_000_000
            rows.append(store(5, "2", "read_database", "Server", begin, database, {}, timed_out))
        return rows

    def _logs(self, r: _Requests) -> list[dict[str, object]]:
        return [
            {
                "Timestamp": _time(self.window.start_ns + int(r.at_s[at] * 1e9)),
                "SeverityText": "ERROR" if r.failed[at] else "INFO",
                "SeverityNumber": 17 if r.failed[at] else 9,
                "ServiceName": self.service,
                "Body": "request failed" if r.failed[at] else "request answered",
                "ResourceAttributes": {
                    "service.name": self.service,
                    "region": REGIONS[r.region[at]],
                },
                "LogAttributes": {
                    "cache_hit": "false" if r.miss[at] else "true",
                    "model_version": r.version[at],
                    "status_code": "504" if r.failed[at] else "200",
                },
            }
            for at in range(len(r.at_s))
        ]

    def _write_metrics(self, store: ClickHouseStore, r: _Requests) -> None:
        """Writes counters of feedback and of missing features by region and version."""
        labels: list[dict[str, str]] = []
        columns: list[Floats] = []
        times_s = np.arange(0, self.plan.minutes * 60 + 1, 10.0)
        versions = np.array(r.version)
        for region, name in enumerate(REGIONS):
            for version in ("v23", "v23.1"):
                mine = (r.region == region) & (versions == version)
                if not mine.any():
                    continue
                base = {"job": self.service, "region": name, "model_version": version}
                for accepted in (True, False):
                    picked = mine & (r.accepted == accepted)
                    labels.append({
                        "__name__": "recommendation_feedback_total",
                        "accepted": str(accepted).lower(), **base,
                    })  # fmt: skip
                    columns.append(_running(r.at_s[picked], times_s))
                labels.append({
                    "__name__": "feature_missing_total", "feature": "session_length", **base
                })  # fmt: skip
                columns.append(_running(r.at_s[mine & ~r.has_feature], times_s))
                for metric in ("predictions_total", "inference_requests_total"):
                    labels.append({"__name__": metric, **base})
                    columns.append(_running(r.at_s[mine], times_s))
        for replica, busy in enumerate(self._replicas(times_s)):
            gpu = {"job": self.service, "instance": f"gpu-{replica}"}
            labels.append({"__name__": "gpu_utilization_ratio", **gpu})
            columns.append(busy)
            labels.append({"__name__": "gpu_cost_usd_total", **gpu})
            columns.append(np.cumsum(np.isfinite(busy)) * 0.01)
        ts_ms = (self.window.start_ns // 10**6 + times_s * 1000).astype(np.int64)
        present = [np.isfinite(column) for column in columns]
        sizes = [int(one.sum()) for one in present]
        store.write_samples(
            labels,
            SampleBlock(
                offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
                ts_ms=np.concatenate([ts_ms[one] for one in present]),
                values=np.concatenate([c[one] for c, one in zip(columns, present, strict=True)]),
            ),
        )

    def _replicas(self, times_s: Floats) -> list[Floats]:
        """Returns how busy each accelerator is: two of them, or four and idle since the onset."""
        onset_s = self.plan.minutes * 60 * self.plan.onset
        wasteful = self.plan.kind == "batch"
        found: list[Floats] = []
        for replica in range(4 if wasteful else 2):
            busy = 0.6 + self._random.normal(0, 0.04, len(times_s))
            if wasteful:
                idle = 0.25 + self._random.normal(0, 0.03, len(times_s))
                busy = np.where(times_s < onset_s, busy if replica < 2 else np.nan, idle)
            found.append(busy)
        return found


class _Maker:
    """Makes rows of one trace in one service."""

    def __init__(self, trace_id: str, resource: Mapping[str, str]) -> None:
        self._trace_id = trace_id
        self._resource = resource

    def __call__(
        self, number: int, parent: str, name: str, kind: str, start_ns: int, duration_ns: int,
        attributes: Mapping[str, str], failed: bool,
    ) -> dict[str, object]:  # fmt: skip
        return {
            "Timestamp": _time(start_ns),
            "TraceId": self._trace_id,
            "SpanId": f"{number:016x}",
            "ParentSpanId": f"{int(parent):016x}" if parent else "",
            "SpanName": name,
            "SpanKind": kind,
            "ServiceName": self._resource["service.name"],
            "ResourceAttributes": self._resource,
            "SpanAttributes": attributes,
            "Duration": duration_ns,
            "StatusCode": "Error" if failed else "Unset",
        }


def _running(at_s: Floats, times_s: Floats) -> Floats:
    return np.searchsorted(np.sort(at_s), times_s).astype(np.float64)


def _time(time_ns: int) -> str:
    return f"{time_ns // 10**9}.{time_ns % 10**9:09d}"


def _insert(store: ClickHouseStore, table: str, rows: Sequence[Mapping[str, object]]) -> None:
    for first in range(0, len(rows), 50_000):
        body = "\n".join(json.dumps(row) for row in rows[first : first + 50_000])
        store.engine.insert_bytes(table, body.encode(), "JSONEachRow")
