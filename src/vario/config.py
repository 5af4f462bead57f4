"""Settings: frozen, from one TOML file and the command line, each key documented in one place."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from vario.errors import BadData


@dataclass(frozen=True, slots=True)
class ServiceRetention:
    """How long one service's data is kept, in days; 0 as that of all others."""

    metrics_days: int = 0
    logs_days: int = 0
    traces_days: int = 0


def _no_services() -> Mapping[str, ServiceRetention]:
    return {}


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long each kind of data is kept, in days.

    `services` overrides it by service. `max_disk` (`20GB`, empty for none) is what telemetry may
    take; above it whole days go, oldest first, of the kinds in the order of `drop_first`. Samples
    older than `downsample_after_days` (0 for never) are thinned out to intervals of
    `downsample_interval_s`. All this is looked at every `check_every_s`.
    """

    metrics_days: int = 30
    logs_days: int = 14
    traces_days: int = 7
    alerts_days: int = 400
    services: Mapping[str, ServiceRetention] = field(
        default_factory=_no_services, metadata={"each": ServiceRetention}
    )
    max_disk: str = ""
    drop_first: tuple[str, ...] = ("traces", "logs", "metrics")
    downsample_after_days: int = 0
    downsample_interval_s: int = 300
    check_every_s: float = 30.0


SYNCS = ("commit", "group", "none")
"""What `store.sync` may be."""


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Where telemetry lives and what the engine may use.

    `dsn` is `chdb:///folder`, `chdb://memory`, or `http(s)://user:password@host:port/database`.
    Empty means `chdb://` over the user's data folder. `cluster` names a ClickHouse cluster.
    `sync` says what the embedded store has done when it acknowledges: `commit`, what arrived is on
    the disk; `group`, it is with the operating system, and on the disk within a second; `none`, it
    is with the operating system. All three survive a crash of vario, the first a power cut too.
    """

    dsn: str = ""
    cluster: str = ""
    sync: str = "commit"
    max_memory_mb: int = 2000
    query_timeout_s: float = 30.0
    reader_threads: int = 4
    retention: RetentionSettings = field(default_factory=RetentionSettings)


@dataclass(frozen=True, slots=True)
class SamplingSettings:
    """Tail sampling; off (every trace is kept) until `spans_per_second` is above 0.

    A trace is decided when nothing more of it has come for `decide_after_s`, or, while its root is
    missing, for `wait_for_root_s`. Requests slower than the `slow_quantile` of their operation are
    kept.
    """

    spans_per_second: float = 0.0
    decide_after_s: float = 90.0
    wait_for_root_s: float = 600.0
    slow_quantile: float = 0.99
    every_s: float = 10.0


@dataclass(frozen=True, slots=True)
class IngestSettings:
    """The doors. A port of 0 asks the system for a free one.

    `cors_origins` names the origins whose pages may send telemetry, separated by commas (`*` for
    any); none by default. For `remember_s` seconds a stored request is known, so that its retry is
    not stored again; 0 for never. `prometheus_config` is the path of a prometheus.yml whose targets
    are scraped; none if empty.
    """

    otlp_http_port: int = 4318
    otlp_grpc_port: int = 4317
    max_body_mb: int = 64
    max_queue_mb: int = 256
    remember_s: float = 900.0
    cors_origins: str = ""
    prometheus_config: str = ""


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """What must not be stored as it came; see docs/guards.md.

    `rules` say what becomes of personal data, `cardinality_rules` how many values labels may have;
    the first that fits wins. `hash_key_file` holds the key of hashes; empty means one named
    after the data folder, beside it. `label_values` and `id_values` are budgets of distinct values
    within an hour of a label of a metric; the second holds where they are ids on sight.
    """

    personal_data: bool = True
    rules: tuple[str, ...] = ()
    hash_key_file: str = ""
    cardinality: bool = True
    label_values: int = 2000
    id_values: int = 100
    cardinality_rules: tuple[str, ...] = ()
    poll_s: float = 5.0


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Recording and alerting rules.

    `rule_files` are paths and globs of Prometheus rule files. `evaluation_interval_s` and
    `query_offset_s` hold for groups that say nothing else. After a restart, an alert that was
    active less than `outage_tolerance_s` ago keeps the `for` that it has served, but waits at
    least `for_grace_s`; what fired before fires on for `restart_hold_s` at least. `external_url` is
    how users reach this server, for links in texts. `receivers_file` says who is told of alerts.
    """

    rule_files: tuple[str, ...] = ()
    evaluation_interval_s: float = 60.0
    query_offset_s: float = 0.0
    outage_tolerance_s: float = 3600.0
    for_grace_s: float = 600.0
    restart_hold_s: float = 60.0
    external_url: str = ""
    receivers_file: str = ""


@dataclass(frozen=True, slots=True)
class IncidentSettings:
    """Incidents: what opens them, and when a fix is called proved; see docs/incidents.md.

    Alerts whose severity is among `opens` begin one. `tolerance` is how far above its baseline a
    measure still counts as recovered (0.1 is 10 %). `claim_by_itself` lets releases, markers and
    alerts that end claim a fix. Investigations and proofs take at most `cpu_share` of one
    processor. A fix that is proved is watched for `relapse_watch_s`.
    """

    enabled: bool = True
    opens: tuple[str, ...] = ("page", "critical", "ticket", "warning")
    tolerance: float = 0.1
    claim_by_itself: bool = True
    cpu_share: float = 0.25
    relapse_watch_s: float = 86_400.0


@dataclass(frozen=True, slots=True)
class SloSettings:
    """Service level objectives.

    `files` are paths and globs of SLO files. `evaluation_interval_s` is how often what they record
    is evaluated.
    """

    files: tuple[str, ...] = ()
    evaluation_interval_s: float = 30.0


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """How live features are compared with their references.

    `segments` are the labels that divide traffic beside the model's version. Every `interval_s`
    seconds (0 for never) a window is judged; `alpha` is the false-alarm probability of one feature
    in one window, `least_psi` a drift that nobody needs to hear of. `season_s` is how long ago the
    traffic was that live traffic is compared with (86400: the same hour yesterday), as far as it is
    stored; 0 compares with the reference always.
    """

    segments: tuple[str, ...] = ("region",)
    interval_s: float = 60.0
    alpha: float = 1e-5
    least_psi: float = 0.02
    season_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Price:
    """What one replica and one GPU cost an hour; 0 for what is unknown, or paid with the other."""

    replica_hour: float = 0.0
    gpu_hour: float = 0.0


def _no_prices() -> Mapping[str, Price]:
    return {}


@dataclass(frozen=True, slots=True)
class CostSettings:
    """What services cost where no metric of theirs counts it.

    `prices` are by the service's name, in which `*` stands for anything; the first that fits
    counts. They are in `currency`.
    """

    currency: str = "USD"
    prices: Mapping[str, Price] = field(default_factory=_no_prices, metadata={"each": Price})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The face: API and UI."""

    host: str = "127.0.0.1"
    port: int = 7070


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, each with a default that works on a laptop."""

    server: ServerSettings = field(default_factory=ServerSettings)
    ingest: IngestSettings = field(default_factory=IngestSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    guard: GuardSettings = field(default_factory=GuardSettings)
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    alert: AlertSettings = field(default_factory=AlertSettings)
    incident: IncidentSettings = field(default_factory=IncidentSettings)
    drift: DriftSettings = field(default_factory=DriftSettings)
    slo: SloSettings = field(default_factory=SloSettings)
    cost: CostSettings = field(default_factory=CostSettings)


def load_settings(path: Path | None = None) -> Settings:
    """Reads settings from a TOML file over the defaults.

    Args:
        path: the file; None gives the defaults.

    Returns:
        The settings, each value of the type its default has.

    Raises:
        BadData: the file cannot be read or parsed, or a key or a type in it is unknown.
    """
    if path is None:
        return Settings()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadData(f"cannot read settings from {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadData(f"{path} is not valid TOML: {error}") from error
    return overlay(Settings(), document, str(path))


def overlay(settings: Settings, values: Mapping[str, Any], source: str) -> Settings:
    """Returns settings with some values changed.

    Args:
        settings: what holds where `values` says nothing.
        values: tables of settings by name, as in the TOML file.
        source: where the values come from, for errors.

    Raises:
        BadData: a key or a type in `values` is unknown.
    """
    return _overlay(settings, values, source, "")


def _overlay(settings: Any, values: Mapping[str, Any], source: str, prefix: str) -> Any:
    known = {f.name: getattr(settings, f.name) for f in fields(settings)}
    each = {f.name: f.metadata["each"] for f in fields(settings) if "each" in f.metadata}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise BadData(
                f"{source}: unknown setting {name!r}; known here: {', '.join(sorted(known))}"
            )
        default = known[key]
        if is_dataclass(default):
            if not isinstance(value, dict):
                raise BadData(f"{source}: [{name}] is a table of settings, not {value!r}")
            changes[key] = _overlay(default, value, source, f"{name}.")
        elif key in each:
            changes[key] = _overlay_each(default, each[key], value, source, name)
        else:
            changes[key] = _checked(value, default, source, name)
    return replace(settings, **changes)


def _overlay_each(
    given: Mapping[str, Any], kind: type[Any], tables: Any, source: str, name: str
) -> dict[str, Any]:
    """Returns settings by a name that the user chose, such as a service's."""
    if not isinstance(tables, dict) or not all(isinstance(v, dict) for v in tables.values()):
        raise BadData(f"{source}: [{name}] holds a table of settings for each name")
    changed = {
        key: _overlay(given.get(key, kind()), table, source, f"{name}.{key}.")
        for key, table in tables.items()
    }
    return {**given, **changed}


def _checked(value: Any, default: Any, source: str, name: str) -> Any:
    wanted = type(default)
    if wanted is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if wanted is tuple and isinstance(value, list) and all(type(v) is str for v in value):
        return tuple(value)
    if type(value) is not wanted:
        kind = "a list of texts" if wanted is tuple else f"{wanted.__name__} such as {default!r}"
        raise BadData(f"{source}: {name} wants {kind}, not {value!r}")
    return value
