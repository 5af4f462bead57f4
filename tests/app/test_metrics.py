from inline_snapshot import snapshot

from vario.app.metrics import process_metrics, render
from vario.ingest.counters import Counters, Metric


def test_metrics_are_written_as_prometheus_reads_them() -> None:
    counters = Counters()
    counters.add("vario_ingest_writes_total", signal="traces")
    counters.add("vario_ingest_writes_total", 2, signal="logs")
    counters.add("vario_ingest_rejected_items_total", reason='a "quoted"\\\nreason')
    wanted = {"vario_ingest_writes_total", "vario_ingest_rejected_items_total"}
    metrics = [metric for metric in counters.metrics() if metric.name in wanted]
    text = render([*metrics, Metric("queue_bytes", "gauge", "Bytes.", {(): 0.5})])
    assert text == snapshot("""\
# HELP vario_ingest_rejected_items_total Items of accepted requests that were not stored.
# TYPE vario_ingest_rejected_items_total counter
vario_ingest_rejected_items_total{reason="a \\"quoted\\"\\\\\\nreason"} 1
# HELP vario_ingest_writes_total Inserts into the store; one holds several requests.
# TYPE vario_ingest_writes_total counter
vario_ingest_writes_total{signal="logs"} 2
vario_ingest_writes_total{signal="traces"} 1
# HELP queue_bytes Bytes.
# TYPE queue_bytes gauge
queue_bytes 0.5
""")


def test_a_process_says_what_prometheus_expects_of_it() -> None:
    metrics = {metric.name: metric for metric in process_metrics("1.2", 1_500_000_000)}
    assert metrics["vario_build_info"].values == {(("version", "1.2"),): 1}
    assert metrics["process_start_time_seconds"].values == {(): 1.5}
    assert metrics["process_cpu_seconds_total"].values[()] > 0
    assert metrics["process_resident_memory_bytes"].values[()] > 1 << 20
