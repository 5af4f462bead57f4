from pathlib import Path
from textwrap import dedent

import pytest

from vario.errors import BadData
from vario.ingest.scrape.config import (
    Authorization,
    BasicAuth,
    FileDiscovery,
    HttpSettings,
    Limits,
    ScrapeConfig,
    ScrapeJob,
    Secret,
    TargetGroup,
    TlsSettings,
)
from vario.ingest.scrape.read_config import read_config, read_target_file
from vario.ingest.scrape.relabel import RelabelRule
from vario.wire.exposition.negotiate import DEFAULT_PROTOCOLS


def read(folder: Path, text: str) -> ScrapeConfig:
    file = folder / "prometheus.yml"
    file.write_text(dedent(text), encoding="utf-8")
    return read_config(file)


def test_an_empty_file_scrapes_nothing(tmp_path: Path):
    assert read(tmp_path, "") == ScrapeConfig()


def test_a_small_file(tmp_path: Path):
    config = read(
        tmp_path,
        """
        global:
          scrape_interval: 15s
        rule_files: [rules/*.yml]
        scrape_configs:
          - job_name: node
            static_configs:
              - targets: ["localhost:9100", "db:9100"]
                labels: {env: prod, port: 9100}
        """,
    )
    group = TargetGroup(
        ("localhost:9100", "db:9100"),
        {"env": "prod", "port": "9100"},
        f"{tmp_path / 'prometheus.yml'}:8",
    )
    job = ScrapeJob("node", scrape_interval_s=15, scrape_timeout_s=10, static_configs=(group,))
    assert config == ScrapeConfig((job,))


EVERYTHING = """
global:
  scrape_interval: 1m
  scrape_timeout: 20s
  evaluation_interval: 30s
  external_labels: {monitor: x}
  body_size_limit: 10MB
  label_limit: 30
scrape_configs:
  - job_name: all
    scrape_interval: 1m30s
    scrape_timeout: 500ms
    metrics_path: /m
    scheme: HTTPS
    params: {module: [a, b]}
    honor_labels: true
    honor_timestamps: no
    track_timestamps_staleness: true
    enable_compression: false
    scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]
    fallback_scrape_protocol: PrometheusText0.0.4
    always_scrape_classic_histograms: true
    basic_auth: {username: u, password_file: secrets/p}
    tls_config:
      ca_file: /etc/ca.pem
      cert_file: c.pem
      key_file: k.pem
      server_name: other
      insecure_skip_verify: true
      min_version: TLS12
    proxy_url: http://proxy:3128
    follow_redirects: false
    http_headers:
      X-Scope: {values: [a], secrets: [b], files: [f]}
    sample_limit: 1000
    label_name_length_limit: 5
    label_value_length_limit: 6
    target_limit: 7
    relabel_configs:
      - source_labels: [a, b]
        separator: "|"
        regex: (x).*
        target_label: c
        replacement: $1
        action: Replace
      - {action: hashmod, source_labels: [a], modulus: 8, target_label: h}
    metric_relabel_configs:
      - {action: labeldrop, regex: tmp_.*}
    file_sd_configs:
      - files: [targets/*.json, /abs/t.yml]
        refresh_interval: 1m
  - job_name: bearer
    authorization: {credentials: tok}
"""
COMMON = {"body_bytes": 10 << 20, "labels": 30}


def job_with_everything(folder: Path) -> ScrapeJob:
    return ScrapeJob(
        "all",
        scrape_interval_s=90,
        scrape_timeout_s=0.5,
        metrics_path="/m",
        scheme="https",
        params={"module": ("a", "b")},
        honor_labels=True,
        honor_timestamps=False,
        track_timestamps_staleness=True,
        enable_compression=False,
        scrape_protocols=("PrometheusText0.0.4", "OpenMetricsText1.0.0"),
        fallback_scrape_protocol="PrometheusText0.0.4",
        always_scrape_classic_histograms=True,
        limits=Limits(samples=1000, label_name_length=5, label_value_length=6, targets=7, **COMMON),
        http=HttpSettings(
            basic_auth=BasicAuth(Secret("u"), Secret(file=folder / "secrets/p")),
            tls=TlsSettings(
                ca=Secret(file=Path("/etc/ca.pem")),
                cert=Secret(file=folder / "c.pem"),
                key=Secret(file=folder / "k.pem"),
                server_name="other",
                insecure_skip_verify=True,
                min_version="TLS12",
            ),
            proxy_url="http://proxy:3128",
            follow_redirects=False,
            headers={"X-Scope": (Secret("a"), Secret("b"), Secret(file=folder / "f"))},
        ),
        relabel_configs=(
            RelabelRule(
                source_labels=("a", "b"),
                separator="|",
                regex="(x).*",
                target_label="c",
                replacement="$1",
            ),
            RelabelRule("hashmod", ("a",), modulus=8, target_label="h"),
        ),
        metric_relabel_configs=(RelabelRule("labeldrop", regex="tmp_.*"),),
        file_sd_configs=(
            FileDiscovery((folder / "targets/*.json", Path("/abs/t.yml")), refresh_s=60),
        ),
    )


def test_everything_that_is_understood(tmp_path: Path):
    config = read(tmp_path, EVERYTHING)
    bearer = ScrapeJob(
        "bearer",
        scrape_interval_s=60,
        scrape_timeout_s=20,
        limits=Limits(**COMMON),
        http=HttpSettings(authorization=Authorization("Bearer", Secret("tok"))),
    )
    assert config == ScrapeConfig((job_with_everything(tmp_path), bearer))
    assert "'b'" not in repr(config.jobs[0].http)


def test_native_histograms_are_asked_for_in_protobuf(tmp_path: Path):
    config = read(
        tmp_path,
        """
        global: {scrape_native_histograms: true}
        scrape_configs: [{job_name: a}]
        """,
    )
    assert config.jobs[0].scrape_protocols == ("PrometheusProto", *DEFAULT_PROTOCOLS)


def test_a_timeout_that_is_not_given_fits_the_interval(tmp_path: Path):
    jobs = read(tmp_path, "scrape_configs: [{job_name: a, scrape_interval: 5s}]").jobs
    assert jobs == (ScrapeJob("a", scrape_interval_s=5, scrape_timeout_s=5),)


def test_what_has_no_effect_is_named_with_its_line(tmp_path: Path):
    config = read(
        tmp_path,
        """\
        remote_write:
          - url: http://x
        nonsense: 1
        scrape_configs:
          - job_name: a
            kubernetes_sd_configs: [{role: pod}]
            oauth2: {client_id: x}
            scrape_intervall: 5s
            static_configs:
              - targets: [x]
                label: {a: b}
        """,
    )
    file = tmp_path / "prometheus.yml"
    assert config.warnings == (
        f"{file}:1: remote_write has no effect in vario and is ignored",
        f"{file}:3: the key nonsense is not known and is ignored",
        f"{file}:6: scrape config 'a' has kubernetes_sd_configs, a service discovery that vario "
        "does not have: the targets of it are not scraped; write them to a file for "
        "file_sd_configs",
        f"{file}:7: scrape config 'a' has the key oauth2, which vario does not support",
        f"{file}:8: scrape config 'a' has the key scrape_intervall, which is not known and is "
        "ignored",
        f"{file}:11: a target group has the key label, which is not known and is ignored",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb: [", "prometheus.yml:2: not valid YAML"),
        ("scrape_configs: 5", ":1: a list is expected here"),
        ("scrape_configs: [{}]", ":1: a scrape config needs a job_name"),
        ("scrape_configs: [{job_name: a}, {job_name: a}]", "'a' comes twice"),
        ("global: {scrape_interval: 5 s}", ":1: a duration such as 15s"),
        ("global: {scrape_interval: 5s, scrape_timeout: 6s}", "greater than scrape_interval"),
        ("scrape_configs: [{job_name: a, scrape_timeout: 61s}]", "greater than scrape_interval"),
        ("scrape_configs: [{job_name: a, scrape_interval: 0}]", "more than 0"),
        ("scrape_configs: [{job_name: a, honor_labels: maybe}]", "true or false"),
        ("scrape_configs: [{job_name: a, sample_limit: -1}]", "a number of 0 or more"),
        ("scrape_configs: [{job_name: a, body_size_limit: big}]", "a size such as 10MB"),
        ("scrape_configs: [{job_name: a, scheme: ftp}]", "one of http, https"),
        ("scrape_configs: [{job_name: a, scheme: http, scheme: https}]", "comes twice"),
        (
            "scrape_configs: [{job_name: a, basic_auth: {}, bearer_token: x}]",
            "at most one of basic_auth, authorization",
        ),
        (
            "scrape_configs: [{job_name: a, basic_auth: {password: x, password_file: y}}]",
            "at most one of password and password_file",
        ),
        ("scrape_configs: [{job_name: a, tls_config: {cert: x}}]", "without the other"),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{action: hashmod}]}]",
            ":1: a relabelling rule with action hashmod requires target_label",
        ),
        ("scrape_configs: [{job_name: a, file_sd_configs: [{files: [x.txt]}]}]", "not a .json"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, text: str, why: str):
    with pytest.raises(BadData, match="prometheus") as caught:
        read(tmp_path, text)
    assert why in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(BadData, match=r"cannot read .*nowhere\.yml: No such file"):
        read_config(tmp_path / "nowhere.yml")


def test_scrape_config_files_and_yaml_merging(tmp_path: Path):
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "one.yml").write_text("scrape_configs: [{job_name: one}]")
    (tmp_path / "jobs" / "two.yml").write_text("scrape_configs: [{job_name: two}]\nglobal: {}\n")
    config = read(
        tmp_path,
        """
        global: {scrape_interval: 5s}
        scrape_config_files: [jobs/*.yml]
        scrape_configs:
          - &base
            job_name: main
            metrics_path: /m
          - <<: *base
            job_name: copy
        """,
    )
    assert [(job.job_name, job.metrics_path, job.scrape_interval_s) for job in config.jobs] == [
        ("main", "/m", 5),
        ("copy", "/m", 5),
        ("one", "/metrics", 5),
        ("two", "/metrics", 5),
    ]
    assert [warning.rpartition(": ")[2] for warning in config.warnings] == [
        "a scrape config file has the key global, which is not known and is ignored"
    ]


def test_target_files(tmp_path: Path):
    json_file, yaml_file, bad = (tmp_path / name for name in ("t.json", "t.yml", "bad.json"))
    json_file.write_text('[{"targets": ["a:1"], "labels": {"env": "x"}}, {"targets": ["b"]}]')
    yaml_file.write_text("- targets: [c]\n")
    bad.write_text('[{"target": ["a"]}]')
    meta = {"__meta_filepath": str(json_file)}
    assert read_target_file(json_file) == (
        TargetGroup(("a:1",), {"env": "x", **meta}, str(json_file)),
        TargetGroup(("b",), meta, str(json_file)),
    )
    assert read_target_file(yaml_file)[0].targets == ("c",)
    with pytest.raises(BadData, match=r"bad\.json:1: a target group has the key target"):
        read_target_file(bad)
