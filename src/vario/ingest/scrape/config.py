"""What a prometheus.yml says about scraping, as frozen values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from vario.ingest.scrape.relabel import RelabelRule
from vario.wire.exposition.negotiate import DEFAULT_PROTOCOLS, Protocol


@dataclass(frozen=True, slots=True)
class Secret:
    """A text given in the configuration or in a file, which is read at each use."""

    text: str = field(default="", repr=False)
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class BasicAuth:
    """`basic_auth`."""

    username: Secret = Secret()
    password: Secret = Secret()


@dataclass(frozen=True, slots=True)
class Authorization:
    """`authorization`, and `bearer_token` of old."""

    type: str = "Bearer"
    credentials: Secret = Secret()


@dataclass(frozen=True, slots=True)
class TlsSettings:
    """`tls_config`; texts are PEM."""

    ca: Secret = Secret()
    cert: Secret = Secret()
    key: Secret = Secret()
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: str = ""
    max_version: str = ""


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """How a job's targets are spoken to."""

    basic_auth: BasicAuth | None = None
    authorization: Authorization | None = None
    tls: TlsSettings = TlsSettings()
    proxy_url: str = ""
    follow_redirects: bool = True
    enable_http2: bool = True
    headers: Mapping[str, tuple[Secret, ...]] = field(default_factory=dict[str, tuple[Secret, ...]])


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Addresses that share labels; `source` says where the group was found."""

    targets: tuple[str, ...]
    labels: Mapping[str, str]
    source: str


@dataclass(frozen=True, slots=True)
class FileDiscovery:
    """One of `file_sd_configs`: paths whose last part may be a glob."""

    files: tuple[Path, ...]
    refresh_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one scrape; 0 means none."""

    body_bytes: int = 0
    samples: int = 0
    labels: int = 0
    label_name_length: int = 0
    label_value_length: int = 0
    targets: int = 0


@dataclass(frozen=True, slots=True)
class ScrapeJob:
    """One of `scrape_configs`, defaults filled in; fields are named as there."""

    job_name: str
    scrape_interval_s: float = 60.0
    scrape_timeout_s: float = 10.0
    metrics_path: str = "/metrics"
    scheme: str = "http"
    params: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    scrape_protocols: tuple[Protocol, ...] = DEFAULT_PROTOCOLS
    fallback_scrape_protocol: Protocol | None = None
    scrape_native_histograms: bool = False
    always_scrape_classic_histograms: bool = False
    enable_compression: bool = True
    limits: Limits = Limits()
    http: HttpSettings = HttpSettings()
    relabel_configs: tuple[RelabelRule, ...] = ()
    metric_relabel_configs: tuple[RelabelRule, ...] = ()
    static_configs: tuple[TargetGroup, ...] = ()
    file_sd_configs: tuple[FileDiscovery, ...] = ()


@dataclass(frozen=True, slots=True)
class ScrapeConfig:
    """All jobs of a file, and what in it is not understood or not supported."""

    jobs: tuple[ScrapeJob, ...] = ()
    warnings: tuple[str, ...] = ()
