"""What the demo writes for its server: whom to scrape, how often to look, SLOs and rules."""

import shutil
from collections.abc import Sequence
from pathlib import Path

_PROMETHEUS_YML = """\
# What the demo's server scrapes. A prometheus.yml of your own works the same:
# vario up --prometheus-config prometheus.yml
scrape_configs:
  - job_name: feature-store
    scrape_interval: 5s
    static_configs:
      - targets: [{targets}]
"""

# With an incident to find, everything is looked at more often: what a real service would be told
# within an hour is then told within two minutes.
_INCIDENT_TOML = """\
[drift]
interval_s = 15
[slo]
evaluation_interval_s = 15
[alert]
evaluation_interval_s = 15
"""

_WATCH = Path(__file__).parent / "watch"
"""SLOs, rules and runbooks for demos with an incident; the others have `vario init` write some."""


def write_server_files(
    folder: Path, scraped_ports: Sequence[int], *, has_incident: bool
) -> list[str]:
    """Returns the options of `vario up` that name the files it wrote into the demo's folder."""
    prometheus_yml = folder / "prometheus.yml"
    targets = ", ".join(f'"127.0.0.1:{port}"' for port in scraped_ports)
    prometheus_yml.write_text(_PROMETHEUS_YML.format(targets=targets), encoding="utf-8")
    options = ["--prometheus-config", str(prometheus_yml)]
    options += ["--slos", str(folder / "slos" / "*.yml")]
    if has_incident:
        vario_toml, rules_yml = folder / "vario.toml", folder / "rules.yml"
        vario_toml.write_text(_INCIDENT_TOML, encoding="utf-8")
        (folder / "slos").mkdir(exist_ok=True)
        shutil.copytree(_WATCH / "runbooks", folder / "slos" / "runbooks", dirs_exist_ok=True)
        shutil.copyfile(_WATCH / "slos.yml", folder / "slos" / "slos.yml")
        shutil.copyfile(_WATCH / "rules.yml", rules_yml)
        options += ["--config", str(vario_toml), "--rules", str(rules_yml)]
    return options
