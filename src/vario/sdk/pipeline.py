"""The path of telemetry within one process, built from settings: queues, lanes, exporter."""

import threading
from time import time_ns
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation

from vario.sdk import loggers, span_wire
from vario.sdk.cleaning import read_limits
from vario.sdk.export import Exporter
from vario.sdk.features import FeatureRecorder
from vario.sdk.feedback import FeedbackJoin
from vario.sdk.instruments import Instruments
from vario.sdk.labels import ModelLabels, time_late_step, time_steps
from vario.sdk.lane import Lane
from vario.sdk.metric_wire import encode_metrics
from vario.sdk.providers import Providers
from vario.sdk.recorder import Queue, Recorder, Resource, Scope
from vario.sdk.sampling import read_sampler
from vario.sdk.settings import SdkSettings
from vario.sdk.sources import Source

SCOPE = "vario"
OWN_SCOPE = Scope(SCOPE)
_MOST_MODELS = 256
_WORDS = {"traces": "spans", "logs": "log records", "metrics": "metrics"}


class Pipeline:
    """The telemetry of one process and the thread that sends it.

    A forked child builds one of its own: nothing that it holds (locks, sockets, counts) is shared
    with its parent. The providers stay, and are turned to the new one.
    """

    def __init__(self, settings: SdkSettings, providers: Providers) -> None:
        self.settings = settings
        self.prefix = f"{settings.service}."
        self.providers = providers
        self.resource = Resource(settings.resource)
        wake = threading.Event()
        spans = Queue(settings.max_queue, settings.max_batch, wake)
        logs = Queue(settings.max_queue, settings.max_batch, wake)
        self.recorder = Recorder(
            resource=self.resource,
            limits=read_limits(),
            sampler=read_sampler(),
            spans=spans,
            logs=logs,
            late_step=time_late_step,
        )
        self._lanes = {
            signal: Lane(
                _WORDS[signal],
                target,
                max_items=settings.max_queue,
                queue={"traces": spans, "logs": logs}.get(signal),
            )
            for signal, target in settings.targets.items()
            if target is not None
        }
        self.exporter = Exporter(
            list(self._lanes.values()),
            self._sources(spans, logs),
            self._collect,
            wake,
            batch_interval_s=settings.batch_interval_s,
            metric_interval_s=settings.metric_interval_s,
        )
        self._labels: dict[tuple[str, str], ModelLabels] = {}

    def start(self) -> None:
        """Turns the providers to this pipeline and starts sending."""
        flush = self.exporter.flush
        self.providers.traces.use(self.recorder, flush)
        self.providers.metrics.use(self.resource, flush)
        self.providers.logs.use(self.recorder, flush)
        self.providers.metrics.forget(SCOPE)
        meter = self.providers.metrics.get_meter(SCOPE)
        settings = self.settings
        self.instruments = Instruments(meter, settings.objective_s, settings.exponential)
        meter.create_observable_counter(
            "vario_sdk_dropped_total",
            [self._observe_dropped],
            "{item}",
            "Items that the SDK could not keep or send.",
        )
        self.features = FeatureRecorder(meter)
        self.feedback = FeedbackJoin(meter)
        self.labels = self.labels_of(settings.model_name, settings.model_version)
        self.exporter.start()

    def stop(self, timeout_s: float) -> bool:
        """Flushes and ends; returns whether everything was sent."""
        self.providers.traces.use(None, _sent)
        self.providers.logs.use(None, _sent)
        is_flushed = self.exporter.stop(timeout_s)
        self.providers.metrics.use(None, _sent)
        return is_flushed

    def labels_of(self, name: str, version: str) -> ModelLabels:
        """Returns what every signal of a model has in common."""
        found = self._labels.get((name, version))
        if found is None:
            if len(self._labels) >= _MOST_MODELS:
                self._labels.clear()
            made = ModelLabels(
                self.instruments, self.labels_of, name, version, self.settings.region
            )
            found = self._labels.setdefault((name, version), made)
        return found

    def _sources(self, spans: Queue, logs: Queue) -> list[Source]:
        def source(signal: str, queue: Queue, group: Any, count: Any) -> Source:
            return Source(
                _WORDS[signal],
                queue,
                self._lanes.get(signal),
                self.resource,
                group=group,
                count=count,
                max_batch=self.settings.max_batch,
            )

        return [
            source("traces", spans, span_wire.group, time_steps),
            source("logs", logs, loggers.group, list),
        ]

    def _collect(self, whole: bool) -> None:
        """Reads the metrics' state into their lane; otherwise only works off measurements."""
        self.features.fold()
        metrics = self.providers.metrics
        lane = self._lanes.get("metrics")
        if not whole or lane is None:
            metrics.fold()
            return
        self.feedback.age()
        collected = metrics.collect(time_ns())
        if not collected:
            return
        body = encode_metrics(self.resource, collected)
        count = sum(len(points) for _, found in collected for _, points in found)
        if any(kind.is_delta for _, found in collected for kind, _ in found):
            if lane.has_room(count):
                lane.load(body, count)
            else:
                lane.dropped += count
        else:
            lane.replace(body, count)

    def _observe_dropped(self, options: CallbackOptions) -> list[Observation]:
        return [
            Observation(lane.dropped_in_all, {"signal": signal})
            for signal, lane in self._lanes.items()
            if lane.dropped_in_all
        ]


def _sent(timeout_s: float) -> bool:
    return True
