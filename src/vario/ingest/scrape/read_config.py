"""Reads the scraping part of a prometheus.yml as it is.

What Prometheus knows and vario does not do (other service discoveries, oauth2, ...) and what nobody
knows becomes a warning with the key and its line; what is malformed stops the reading.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vario.errors import BadData
from vario.ingest.scrape.config import (
    FileDiscovery,
    Limits,
    ScrapeConfig,
    ScrapeJob,
    TargetGroup,
)
from vario.ingest.scrape.read_http import HTTP_KEYS, make_http
from vario.ingest.scrape.relabel import ACTIONS, RelabelRule
from vario.ingest.scrape.yaml_fields import Reader
from vario.wire.exposition.negotiate import MEDIA_TYPES, Protocol

_ELSEWHERE = ("rule_files", "alerting")
"""Parts of a prometheus.yml that are read by other parts of vario."""
_NOT_OURS = ("remote_write", "remote_read", "storage", "tracing", "otlp")

_GLOBAL_WITHOUT_EFFECT = (
    "evaluation_interval",
    "rule_query_offset",
    "external_labels",
    "query_log_file",
    "runtime",
    "keep_dropped_targets",
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
)
_JOB_UNSUPPORTED = (
    "oauth2",
    "convert_classic_histograms_to_nhcb",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "scrape_failure_log_file",
    "extra_scrape_metrics",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
)
_JOB_WITHOUT_EFFECT = (
    "keep_dropped_targets",
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
)
_LIMITS = {
    "body_size_limit": "body_bytes",
    "sample_limit": "samples",
    "label_limit": "labels",
    "label_name_length_limit": "label_name_length",
    "label_value_length_limit": "label_value_length",
    "target_limit": "targets",
}
_DISCOVERY = re.compile(r"\w+_sd_configs")

Known = Mapping[str, Callable[[Any], Any]]


def read_config(file: Path) -> ScrapeConfig:
    """Returns the jobs of a prometheus.yml, with those of its `scrape_config_files`.

    Raises:
        BadData: a file cannot be read, is not YAML, or a value in it makes no sense; the message
            names file and line.
    """
    reader = Reader(file)
    root = reader.load()
    parts: dict[str, Any] = {}
    for key_node, value in reader.pairs(root):
        key = reader.text(key_node)
        parts[key] = value
        if key in _NOT_OURS:
            reader.warn(key_node, f"{key} has no effect in vario and is ignored")
        elif key not in (*_ELSEWHERE, "global", "scrape_configs", "scrape_config_files"):
            reader.warn(key_node, f"the key {key} is not known and is ignored")
    base = _read_global(reader, parts.get("global"))
    jobs = _read_jobs(reader, parts.get("scrape_configs"), base)
    warnings = reader.warnings
    for pattern in reader.items(reader.path)(parts.get("scrape_config_files")):
        for each in sorted(pattern.parent.glob(pattern.name)):
            other = Reader(each)
            content = other.fields(
                other.load(), {"scrape_configs": lambda node: node}, "a scrape config file"
            )
            jobs += _read_jobs(other, content.get("scrape_configs"), base)
            warnings += other.warnings
    names = [job.job_name for job in jobs]
    for name in names:
        if names.count(name) > 1:
            raise BadData(f"{file}: job_name {name!r} comes twice; job names are unique")
    return ScrapeConfig(tuple(jobs), tuple(warnings))


def _ignore(_: Any) -> None:
    return None


def _common(reader: Reader) -> dict[str, Callable[[Any], Any]]:
    """Keys that stand in `global` and in a job alike."""
    protocol = reader.choice(MEDIA_TYPES)
    return {
        "scrape_interval": reader.duration,
        "scrape_timeout": reader.duration,
        "scrape_protocols": reader.items(protocol),
        "scrape_native_histograms": reader.boolean,
        "always_scrape_classic_histograms": reader.boolean,
        **dict.fromkeys(_LIMITS, reader.number),
        "body_size_limit": reader.size,
    }


def _read_global(reader: Reader, node: Any) -> ScrapeJob:
    """Returns a nameless job with the defaults of all others."""
    known = _common(reader) | dict.fromkeys(_GLOBAL_WITHOUT_EFFECT, _ignore)
    found = reader.fields(node, known, "global")
    base = _apply(ScrapeJob(""), found)
    if base.scrape_timeout_s > base.scrape_interval_s:
        if "scrape_timeout" in found:
            raise reader.fail(node, "global scrape_timeout is greater than scrape_interval")
        base = replace(base, scrape_timeout_s=base.scrape_interval_s)
    return base


def _read_jobs(reader: Reader, node: Any, base: ScrapeJob) -> list[ScrapeJob]:
    return [_read_job(reader, item, base) for item in reader.items(lambda each: each)(node)]


def _read_job(reader: Reader, node: Any, base: ScrapeJob) -> ScrapeJob:
    where = f"scrape config {_name_of(reader, node)!r}"
    for key_node, _ in reader.pairs(node):
        key = reader.text(key_node)
        if _DISCOVERY.fullmatch(key) and key not in ("static_configs", "file_sd_configs"):
            reader.warn(
                key_node,
                f"{where} has {key}, a service discovery that vario does not have: the targets of "
                "it are not scraped; write them to a file for file_sd_configs",
            )
        elif key in _JOB_UNSUPPORTED:
            reader.warn(key_node, f"{where} has the key {key}, which vario does not support")
    keys = [reader.text(key) for key, _ in reader.pairs(node)]
    ignored = [*_JOB_UNSUPPORTED, *_JOB_WITHOUT_EFFECT, *filter(_DISCOVERY.fullmatch, keys)]
    found = reader.fields(node, {**dict.fromkeys(ignored, _ignore), **_job_keys(reader)}, where)
    if not found.get("job_name"):
        raise reader.fail(node, "a scrape config needs a job_name")
    job = _apply(base, found)
    if "scrape_timeout" not in found and job.scrape_timeout_s > job.scrape_interval_s:
        job = replace(job, scrape_timeout_s=job.scrape_interval_s)
    if job.scrape_timeout_s > job.scrape_interval_s:
        raise reader.fail(node, f"{where}: scrape_timeout is greater than scrape_interval")
    if job.scrape_interval_s <= 0 or job.scrape_timeout_s <= 0:
        raise reader.fail(node, f"{where}: scrape_interval and scrape_timeout are more than 0")
    return replace(job, http=make_http(reader, node, found, where))


def _name_of(reader: Reader, node: Any) -> str:
    named = [value for key, value in reader.pairs(node) if reader.text(key) == "job_name"]
    return reader.text(named[0]) if named else ""


def _job_keys(reader: Reader) -> Known:
    rules = reader.items(lambda node: _read_rule(reader, node))
    plain: Known = {
        "job_name": reader.text,
        "metrics_path": reader.text,
        "scheme": reader.choice(("http", "https")),
        "params": reader.mapping(reader.items(reader.text)),
        "honor_labels": reader.boolean,
        "honor_timestamps": reader.boolean,
        "track_timestamps_staleness": reader.boolean,
        "enable_compression": reader.boolean,
        "fallback_scrape_protocol": reader.choice(MEDIA_TYPES),
        "scrape_classic_histograms": reader.boolean,
        "relabel_configs": rules,
        "metric_relabel_configs": rules,
        "static_configs": reader.items(lambda node: _read_group(reader, node)),
        "file_sd_configs": reader.items(lambda node: _read_file_discovery(reader, node)),
    }
    http = {key: read(reader) for key, read in HTTP_KEYS.items()}
    return {**_common(reader), **plain, **http}


def _apply(job: ScrapeJob, found: Mapping[str, Any]) -> ScrapeJob:
    """Returns a job with values by their keys in the file over it."""
    changes: dict[str, Any] = {}
    limits: dict[str, int] = {}
    for key, value in found.items():
        if key in _LIMITS:
            limits[_LIMITS[key]] = value
        elif key in ("scrape_interval", "scrape_timeout"):
            changes[f"{key}_s"] = value
        elif key == "scrape_classic_histograms":
            changes["always_scrape_classic_histograms"] = value
        elif key in ScrapeJob.__dataclass_fields__:
            changes[key] = value
    protocols: tuple[Protocol, ...] = changes.get("scrape_protocols", job.scrape_protocols)
    native = changes.get("scrape_native_histograms", job.scrape_native_histograms)
    if native and "scrape_protocols" not in changes and "PrometheusProto" not in protocols:
        # Native histograms come in protobuf alone.
        changes["scrape_protocols"] = ("PrometheusProto", *protocols)
    return replace(job, limits=_limited(job.limits, limits), **changes)


def _limited(limits: Limits, changes: Mapping[str, int]) -> Limits:
    return replace(limits, **changes)


def _read_rule(reader: Reader, node: Any) -> RelabelRule:
    found = reader.fields(
        node,
        {
            "source_labels": reader.items(reader.text),
            "separator": reader.text,
            "target_label": reader.text,
            "regex": reader.text,
            "modulus": reader.number,
            "replacement": reader.text,
            "action": reader.choice(ACTIONS),
        },
        "a relabelling rule",
    )
    try:
        return RelabelRule(**found)
    except BadData as error:
        raise reader.fail(node, str(error)) from error


def _read_group(reader: Reader, node: Any) -> TargetGroup:
    known = {"targets": reader.items(reader.text), "labels": reader.mapping(reader.text)}
    found = reader.fields(node, known, "a target group")
    source = f"{reader.file}:{node.start_mark.line + 1}"
    return TargetGroup(found.get("targets", ()), found.get("labels", {}), source)


def _read_file_discovery(reader: Reader, node: Any) -> FileDiscovery:
    known = {"files": reader.items(reader.path), "refresh_interval": reader.duration}
    found = reader.fields(node, known, "file_sd_configs")
    for path in found.get("files", ()):
        if path.suffix not in (".json", ".yml", ".yaml"):
            raise reader.fail(node, f"{path} is not a .json, .yml or .yaml file")
    if not found.get("files"):
        raise reader.fail(node, "file_sd_configs needs files")
    return FileDiscovery(found["files"], found.get("refresh_interval", 300.0))


def read_target_file(file: Path) -> tuple[TargetGroup, ...]:
    """Returns the groups in a file of file discovery, in JSON or YAML.

    Raises:
        BadData: it cannot be read, or is malformed.
    """
    reader = Reader(file)
    groups = reader.items(lambda node: _read_group(reader, node))(reader.load())
    if reader.warnings:
        raise BadData(reader.warnings[0])
    return tuple(
        replace(group, labels={**group.labels, "__meta_filepath": str(file)}, source=str(file))
        for group in groups
    )
