"""OpenTelemetry's global providers, for instrumentation that is not vario's.

Libraries fetch their tracers and instruments once and keep them. A forked child has a pipeline of
its own, so what is handed out here is bound anew whenever the process gets another pipeline.
"""

from collections.abc import Sequence
from typing import Any, cast

from opentelemetry import metrics, trace
from opentelemetry.metrics import CallbackT

from vario.sdk.faults import LOG
from vario.sdk.pipeline import Pipeline


class GlobalProviders:
    """What `opentelemetry.trace` and `opentelemetry.metrics` hand out in this process."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.instruments: list[_Instrument] = []

    def install(self) -> None:
        """Becomes the process's global providers, where there are none yet."""
        if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
            LOG.warning(
                "vario: another OpenTelemetry SDK is already set up in this process; vario's own "
                "spans and metrics go to vario, what other instrumentation records stays there"
            )
            return
        trace.set_tracer_provider(_TracerProvider(self))
        metrics.set_meter_provider(_MeterProvider(self))

    def rebind(self, pipeline: Pipeline) -> None:
        """Turns everything that was handed out to another pipeline."""
        self.pipeline = pipeline
        for instrument in self.instruments:
            instrument.bind(pipeline)


class _TracerProvider(trace.TracerProvider):
    def __init__(self, owner: GlobalProviders) -> None:
        self._owner = owner

    def get_tracer(self, *args: Any, **kwargs: Any) -> trace.Tracer:
        return _Tracer(self._owner, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Reaches what OpenTelemetry's SDK adds to the API: add_span_processor, force_flush."""
        return getattr(self._owner.pipeline.tracer_provider, name)


class _Tracer(trace.Tracer):
    def __init__(self, owner: GlobalProviders, args: Any, kwargs: Any) -> None:
        self._owner = owner
        self._args = args
        self._kwargs = kwargs
        self._bind(owner.pipeline)

    def _bind(self, pipeline: Pipeline) -> trace.Tracer:
        self._pipeline = pipeline
        self._tracer = pipeline.tracer_provider.get_tracer(*self._args, **self._kwargs)
        return self._tracer

    def _now(self) -> trace.Tracer:
        pipeline = self._owner.pipeline
        return self._tracer if pipeline is self._pipeline else self._bind(pipeline)

    def start_span(self, *args: Any, **kwargs: Any) -> trace.Span:
        return self._now().start_span(*args, **kwargs)

    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        return self._now().start_as_current_span(*args, **kwargs)


class _MeterProvider(metrics.MeterProvider):
    def __init__(self, owner: GlobalProviders) -> None:
        self._owner = owner

    def get_meter(self, *args: Any, **kwargs: Any) -> metrics.Meter:
        return _Meter(self._owner, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        """Reaches what OpenTelemetry's SDK adds to the API: force_flush, add_metric_reader."""
        return getattr(self._owner.pipeline.meter_provider, name)


class _Meter(metrics.Meter):
    def __init__(self, owner: GlobalProviders, args: Any, kwargs: Any) -> None:
        super().__init__(str(args[0] if args else kwargs.get("name", "")))
        self._owner = owner
        self._scope = (args, kwargs)

    def _make(self, kind: str, *args: Any, **kwargs: Any) -> Any:
        instrument = _Instrument(self._scope, kind, args, kwargs)
        instrument.bind(self._owner.pipeline)
        self._owner.instruments.append(instrument)
        return instrument

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        return cast(metrics.Counter, self._make("create_counter", name, unit, description))

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> metrics.UpDownCounter:
        made = self._make("create_up_down_counter", name, unit, description)
        return cast(metrics.UpDownCounter, made)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        return self._make("create_gauge", name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> metrics.Histogram:
        made = self._make(
            "create_histogram",
            name,
            unit,
            description,
            explicit_bucket_boundaries_advisory=explicit_bucket_boundaries_advisory,
        )
        return cast(metrics.Histogram, made)

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableCounter:
        made = self._make("create_observable_counter", name, callbacks, unit, description)
        return cast(metrics.ObservableCounter, made)

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableUpDownCounter:
        made = self._make("create_observable_up_down_counter", name, callbacks, unit, description)
        return cast(metrics.ObservableUpDownCounter, made)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableGauge:
        made = self._make("create_observable_gauge", name, callbacks, unit, description)
        return cast(metrics.ObservableGauge, made)


class _Instrument:
    """An instrument of any kind, and how to make it again on another pipeline."""

    def __init__(self, scope: Any, kind: str, args: Any, kwargs: Any) -> None:
        self._scope = scope
        self._kind = kind
        self._args = args
        self._kwargs = kwargs
        self._real: Any = None

    def bind(self, pipeline: Pipeline) -> None:
        args, kwargs = self._scope
        meter = pipeline.meter_provider.get_meter(*args, **kwargs)
        self._real = getattr(meter, self._kind)(*self._args, **self._kwargs)

    def add(self, *args: Any, **kwargs: Any) -> None:
        self._real.add(*args, **kwargs)

    def record(self, *args: Any, **kwargs: Any) -> None:
        self._real.record(*args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> None:
        self._real.set(*args, **kwargs)
