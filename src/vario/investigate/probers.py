"""All probers, in the order in which they look."""

from vario.investigate.batching import probe_batching
from vario.investigate.case import Prober
from vario.investigate.changes import probe_markers, probe_scaling, probe_traffic
from vario.investigate.dependencies import probe_dependencies
from vario.investigate.features import probe_features
from vario.investigate.logs import probe_logs
from vario.investigate.releases import probe_releases
from vario.investigate.resources import probe_resources

PROBERS: tuple[Prober, ...] = (
    probe_traffic,
    probe_releases,
    probe_markers,
    probe_scaling,
    probe_features,
    probe_batching,
    probe_dependencies,
    probe_resources,
    probe_logs,
)
