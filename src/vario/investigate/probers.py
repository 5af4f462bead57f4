"""All probers, in the order in which they look."""

from vario.investigate.case import Prober
from vario.investigate.dependencies import probe_dependencies
from vario.investigate.features import probe_features
from vario.investigate.logs import probe_logs

PROBERS: tuple[Prober, ...] = (probe_logs, probe_dependencies, probe_features)
