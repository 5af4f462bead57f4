"""What a prometheus.yml says of rules."""

from pathlib import Path

import pytest

from vario.alert.prometheus_yml import RuleConfig, read_rule_config
from vario.app.rules import read_rules
from vario.config import AlertSettings
from vario.errors import BadData

CONFIG = """\
global:
  scrape_interval: 15s
  evaluation_interval: 30s
  rule_query_offset: 1m
  external_labels: {cluster: "${ZONE}-$NAME$$", none: "${ABSENT}"}
rule_files: [rules/*.yml, /etc/more.yml]
scrape_configs: [{job_name: a}]
"""


def test_rules_are_read_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(CONFIG, "utf-8")
    assert read_rule_config(str(path), {"ZONE": "eu", "NAME": "x"}) == RuleConfig(
        (f"{tmp_path}/rules/*.yml", "/etc/more.yml"),
        30.0,
        60.0,
        {"cluster": "eu-x$", "none": ""},
    )


def test_a_file_that_says_nothing_of_rules_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text("", "utf-8")
    assert read_rule_config(str(path)) == RuleConfig()
    assert read_rules(AlertSettings(), str(path)).settings == AlertSettings()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule_files: 5\n", "prometheus.yml:1:13: rule_files must be a list, not a value"),
        ("global: {evaluation_interval: 1x}\n", 'evaluation_interval: unknown unit "x"'),
        ("global: [\n", "this is not YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(BadData) as caught:
        read_rule_config(str(path))
    assert said in str(caught.value)


def test_both_name_rule_files_and_the_prometheus_yml_wins(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yml").write_text(f"groups: [{{name: {name}}}]\n", "utf-8")
    config = tmp_path / "prometheus.yml"
    config.write_text("global: {evaluation_interval: 5s}\nrule_files: [b.yml]\n", "utf-8")
    plan = read_rules(AlertSettings(rule_files=(str(tmp_path / "a.yml"),)), str(config))
    assert [group.name for group in plan.groups] == ["a", "b"]
    assert plan.settings.evaluation_interval_s == 5.0
