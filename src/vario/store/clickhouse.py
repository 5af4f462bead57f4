"""The store over ClickHouse, embedded or not: one engine, one class for each contract."""

from collections.abc import Sequence

from vario.clock import Clock
from vario.config import StoreSettings
from vario.model.series import HistogramBlock, Labels, SampleBlock
from vario.store.address import parse_dsn
from vario.store.alerts import AlertTables
from vario.store.damage import DamagedParts
from vario.store.direct.writer import DirectWriter
from vario.store.engine import Engine
from vario.store.evidence import EvidenceQueries
from vario.store.explore import ExploreQueries
from vario.store.health import HealthQueries
from vario.store.incidents import IncidentTable
from vario.store.load import LoadQueries
from vario.store.logs import LogQueries
from vario.store.markers import MarkerTable
from vario.store.metrics import MetricQueries
from vario.store.patterns import PatternQueries
from vario.store.projection import project
from vario.store.references import ReferenceTable
from vario.store.remote_write import RemoteWrites
from vario.store.schema import migrate, shape_of
from vario.store.seen import SeenRows
from vario.store.services import ServiceQueries
from vario.store.traces import TraceQueries
from vario.store.write import SignalWrites


class ClickHouseStore:
    """Everything in `vario.store.base.Store`, each method from the class that does it."""

    def __init__(self, engine: Engine, clock: Clock, *, direct: bool = True) -> None:
        """Makes a store over an open engine.

        Args:
            engine: where its tables are.
            clock: what "now" means.
            direct: whether small requests are stored by rows that are made here.
        """
        self.engine = engine
        self.clock = clock

        self._seen = SeenRows(engine, clock)
        self._direct = DirectWriter(engine, self._seen.book) if direct else None
        writes = SignalWrites(engine, self._seen, self._direct)
        self.write_otlp = writes.write_otlp
        self.write_remote = RemoteWrites(engine, self._seen, self._direct).write_remote

        self._metrics = MetricQueries(engine)
        self._read_signals(engine)
        self._read_metrics(self._metrics)
        self._keep_records(engine, clock)

    def _read_signals(self, engine: Engine) -> None:
        traces = TraceQueries(engine)
        self.find_traces = traces.find_traces
        self.count_spans = traces.count_spans
        self.get_trace = traces.get_trace

        logs = LogQueries(engine)
        self.find_logs = logs.find_logs
        self.count_logs = logs.count_logs

        patterns = PatternQueries(engine)
        self.find_log_patterns = patterns.find_log_patterns
        self.find_log_fields = patterns.find_log_fields

        services = ServiceQueries(engine)
        self.find_services = services.find_services
        self.get_traffic = services.get_traffic
        self.find_fields = services.find_fields
        self.find_field_values = services.find_field_values

        load = LoadQueries(engine)
        self.read_load = load.read_load
        self.count_replicas = load.count_replicas

        self._explore(ExploreQueries(engine))

        self.find_damaged = DamagedParts(engine).find
        health = HealthQueries(engine)
        self.check_services = health.check_services
        self.get_sizes = health.get_sizes

    def _explore(self, explore: ExploreQueries) -> None:
        self.count_latencies = explore.count_latencies
        self.draw_traces = explore.draw_traces
        self.draw_rest = explore.draw_rest
        self.count_attributes = explore.count_attributes
        self.count_values = explore.count_values
        self.find_oldest_logs = explore.find_oldest_logs
        self.list_metrics = explore.list_metrics

    def _read_metrics(self, metrics: MetricQueries) -> None:
        self.find_series = metrics.find_series
        self.fetch_samples = metrics.fetch_samples
        self.fetch_histograms = metrics.fetch_histograms
        self.fetch_grid = metrics.fetch_grid
        self.find_label_names = metrics.find_label_names
        self.find_label_values = metrics.find_label_values
        self.find_exemplars = metrics.find_exemplars
        self.find_metadata = metrics.find_metadata

    def _keep_records(self, engine: Engine, clock: Clock) -> None:
        evidence = EvidenceQueries(engine)
        self.profile_fields = evidence.profile_fields
        self.read_cube = evidence.read_cube
        self.sample_traces = evidence.sample_traces
        self.aggregate = evidence.aggregate

        alerts = AlertTables(engine)
        self.write_alert_events = alerts.write_alert_events
        self.find_latest_alerts = alerts.find_latest_alerts
        self.find_alert_events = alerts.find_alert_events
        self.write_alert_records = alerts.write_alert_records
        self.find_alert_records = alerts.find_alert_records
        self.write_deliveries = alerts.write_deliveries
        self.find_open_deliveries = alerts.find_open_deliveries
        self.find_last_deliveries = alerts.find_last_deliveries
        self.find_deliveries = alerts.find_deliveries

        references = ReferenceTable(engine, clock)
        self.write_reference = references.write_reference
        self.delete_reference = references.delete_reference
        self.find_references = references.find_references

        incidents = IncidentTable(engine)
        self.write_incidents = incidents.write_incidents
        self.find_incidents = incidents.find_incidents
        self.get_incident = incidents.get_incident

        markers = MarkerTable(engine, clock)
        self.write_marker = markers.write_marker
        self.delete_marker = markers.delete_marker
        self.find_markers = markers.find_markers

    def write_samples(self, labels: Sequence[Labels], block: SampleBlock) -> None:
        """Writes float samples of series given by their labels; see `SignalWriter`."""
        with self._seen.writing():
            if not (self._direct and self._direct.write_samples(labels, block)):
                self._metrics.write_samples(labels, block)

    def write_histograms(self, labels: Sequence[Labels], block: HistogramBlock) -> None:
        """Writes native histograms of series given by their labels; see `SignalWriter`."""
        with self._seen.writing():
            self._metrics.write_histograms(labels, block)

    def ping(self) -> None:
        """Returns if the engine answers.

        Raises:
            Unavailable: it does not.
        """
        self.engine.query_rows("SELECT 1")

    def close(self) -> None:
        """Waits for writes in flight and gives every handle back."""
        self.engine.close()


def open_store(settings: StoreSettings, clock: Clock, *, retain: bool = True) -> ClickHouseStore:
    """Opens the store and brings its tables to the newest version.

    Args:
        settings: where it is, and how long data is kept.
        clock: what "now" means.
        retain: whether data that is there is kept as the settings say; else as it has been.

    Raises:
        BadData: the address is not understood, or the server refuses the user.
        Unavailable: another process uses the data folder, or the server does not answer.
    """
    engine = Engine(
        parse_dsn(settings.dsn),
        max_memory_mb=settings.max_memory_mb,
        query_timeout_s=settings.query_timeout_s,
        reader_threads=settings.reader_threads,
        sync=settings.sync,
    )
    try:
        shape = shape_of(settings.cluster, settings.retention)
        migrate(engine, shape, retain=retain)
        project(engine, shape)
        # On a cluster the views write where the rows belong.
        return ClickHouseStore(engine, clock, direct=not settings.cluster)
    except BaseException:
        engine.close()
        raise
