"""Meters: where instruments come from, and what a collection finds in them."""

import os
from collections.abc import Callable, Generator, Sequence
from itertools import pairwise
from time import time_ns
from typing import Any, cast

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, CallbackT

from vario.sdk.cleaning import Attributes
from vario.sdk.faults import LOG, report, say_once
from vario.sdk.measuring import Instrument, Kind
from vario.sdk.recorder import Resource, Scope
from vario.sdk.series import (
    CounterSeries,
    ExponentialSeries,
    GaugeSeries,
    HistogramSeries,
    SumSeries,
)
from vario.sdk.sketches import SketchSeries

DEFAULT_BOUNDS = (
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0,
    7_500.0, 10_000.0,
)  # fmt: skip
_DELTA = {
    "DELTA": {"counter", "histogram", "sketch", "observable_counter"},
    "LOWMEMORY": {"counter", "histogram", "sketch"},
    "CUMULATIVE": set[str](),
}


class _Counter(Instrument, metrics.Counter):
    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.measure(amount, attributes, context)


class _UpDownCounter(Instrument, metrics.UpDownCounter):
    def add(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.measure(amount, attributes, context)


class _Histogram(Instrument, metrics.Histogram):
    def record(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.measure(amount, attributes, context)


class _Gauge(Instrument, metrics._Gauge):  # pyright: ignore[reportPrivateUsage] -- the API's own
    def set(self, amount: float, attributes: Any = None, context: Any = None) -> None:
        self.measure(amount, attributes, context)


class _Observable(Instrument):
    """An instrument that is asked when metrics are collected."""

    def __init__(self, kind: Kind, callbacks: Sequence[CallbackT] | None) -> None:
        super().__init__(kind)
        self._callbacks = [_called(callback) for callback in callbacks or ()]

    def observe(self) -> None:
        """Calls the callbacks; one that fails leaves the others alone."""
        observed: dict[int, tuple[Any, Any]] = {}
        for callback in self._callbacks:
            try:
                for one in callback(CallbackOptions()):
                    series = self.find(one.attributes)
                    before = observed.get(id(series), (series, None))[1]
                    is_sum = before is not None and not isinstance(series, GaugeSeries)
                    observed[id(series)] = (series, one.value + before if is_sum else one.value)
            except Exception as error:
                report(f"observe {self.kind.name}", error)
        now_ns = time_ns()
        for series, value in observed.values():
            self.set_total(series, value, now_ns)


class _ObservableCounter(_Observable, metrics.ObservableCounter):
    pass


class _ObservableUpDownCounter(_Observable, metrics.ObservableUpDownCounter):
    pass


class _ObservableGauge(_Observable, metrics.ObservableGauge):
    pass


def _called(callback: Any) -> Callable[[CallbackOptions], Any]:
    if not isinstance(callback, Generator):
        return callback
    generator = cast(Generator[Any, Any, Any], callback)
    next(generator)  # up to its first yield

    def send(options: CallbackOptions) -> Any:
        try:
            return generator.send(options)
        except StopIteration:
            return ()

    return send


class MeterProvider(metrics.MeterProvider):
    """Gives out meters, and collects what their instruments have measured."""

    def __init__(self) -> None:
        self.is_on = False
        self.resource: Resource | None = None
        self.flush: Callable[[float], bool] = lambda _: True
        self._meters: dict[Any, Meter] = {}
        self.readers: list[Any] = []

    def use(self, resource: Resource | None, flush: Callable[[float], bool]) -> None:
        """Begins anew: every instrument counts from zero, under this resource."""
        self.resource, self.flush = resource, flush
        self.is_on = resource is not None
        for meter in list(self._meters.values()):
            for instrument in meter.instruments():
                instrument.clear()

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Attributes | None = None,
    ) -> "Meter":
        """Returns the meter of an instrumentation."""
        key = (name, version, schema_url, repr(attributes) if attributes else "")
        found = self._meters.get(key)
        if found is None:
            made = Meter(self, Scope(name, version, schema_url, attributes))
            found = self._meters.setdefault(key, made)
        return found

    def forget(self, name: str) -> None:
        """Forgets a meter with all that it has made: its owner makes it anew."""
        self._meters = {key: meter for key, meter in self._meters.items() if key[0] != name}

    def collect(self, now_ns: int) -> list[tuple[Scope, list[tuple[Kind, list[Any]]]]]:
        """Returns by scope each instrument's kind and its points."""
        found: list[tuple[Scope, list[tuple[Kind, list[Any]]]]] = []
        for meter in list(self._meters.values()):
            measured: list[tuple[Kind, list[Any]]] = []
            for instrument in meter.instruments():
                if isinstance(instrument, _Observable):
                    instrument.observe()
                if points := instrument.collect(now_ns):
                    measured.append((instrument.kind, points))
            if measured:
                found.append((meter.scope, measured))
        return found

    def fold(self) -> None:
        """Works off measurements that wait, so that they cost no memory."""
        for meter in list(self._meters.values()):
            for instrument in meter.instruments():
                instrument.fold()

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Sends what has been measured; returns whether all went out."""
        return self.flush(timeout_millis / 1000)

    def shutdown(self, timeout_millis: float = 30_000) -> None:
        """Flushes; the process's own end ends the rest."""
        self.flush(timeout_millis / 1000)


class Meter(metrics.Meter):
    """Makes instruments of one scope; the same one for the same name, kind and unit."""

    def __init__(self, provider: MeterProvider, scope: Scope) -> None:
        super().__init__(scope.name, scope.version, scope.schema_url)
        self.provider = provider
        self.scope = scope
        self._made: dict[Any, Instrument] = {}

    def instruments(self) -> list[Instrument]:
        """Returns every instrument that this meter has made."""
        return list(self._made.values())

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        """Returns a counter that only goes up."""
        return self._make(_Counter, "counter", name, unit, description)

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> metrics.UpDownCounter:
        """Returns a counter that goes up and down."""
        return self._make(_UpDownCounter, "up_down_counter", name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> Any:
        """Returns a gauge."""
        return self._make(_Gauge, "gauge", name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
        exponential: bool | None = None,
    ) -> metrics.Histogram:
        """Returns a histogram.

        Args:
            name: its name.
            unit: its unit.
            description: what it counts.
            explicit_bucket_boundaries_advisory: upper bounds of its buckets.
            exponential: whether its bounds grow by a factor instead, as fine as they can be; by
                default as `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` says.
        """
        if exponential is None:
            exponential = _is_exponential()
        bounds = None if exponential else _bounds(explicit_bucket_boundaries_advisory)
        return self._make(_Histogram, "histogram", name, unit, description, bounds=bounds)

    def create_sketch(self, name: str, description: str = "") -> Instrument:
        """Returns an exponential histogram of numbers of either sign, filled by its series."""
        return self._make(Instrument, "sketch", name, "", description)

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableCounter:
        """Returns a counter whose total is asked for at each collection."""
        return self._make(
            _ObservableCounter, "observable_counter", name, unit, description, callbacks
        )

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableUpDownCounter:
        """Returns a counter that goes up and down, asked for at each collection."""
        return self._make(
            _ObservableUpDownCounter,
            "observable_up_down_counter",
            name,
            unit,
            description,
            callbacks,
        )

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackT] | None = None,
        unit: str = "",
        description: str = "",
    ) -> metrics.ObservableGauge:
        """Returns a gauge that is asked for at each collection."""
        return self._make(_ObservableGauge, "observable_gauge", name, unit, description, callbacks)

    def _make(
        self,
        cls: Any,
        word: str,
        name: str,
        unit: str,
        description: str,
        callbacks: Sequence[CallbackT] | None = None,
        bounds: tuple[float, ...] | None = None,
    ) -> Any:
        key = (name.lower(), word, unit or "", description or "", bounds)
        found = self._made.get(key)
        if found is None:
            if any(other[0] == key[0] for other in self._made):
                say_once(f"{name} was made twice, with another type, unit or description")
            kind = _kind(self.provider, word, name, unit, description, bounds)
            made = cls(kind, callbacks) if issubclass(cls, _Observable) else cls(kind)
            found = self._made.setdefault(key, made)
        return found


def _kind(
    provider: MeterProvider,
    word: str,
    name: str,
    unit: str,
    description: str,
    bounds: tuple[float, ...] | None,
) -> Kind:
    series: Any = {
        "counter": CounterSeries,
        "up_down_counter": SumSeries,
        "gauge": GaugeSeries,
        "observable_counter": SumSeries,
        "observable_up_down_counter": SumSeries,
        "observable_gauge": GaugeSeries,
        "sketch": SketchSeries,
        "histogram": ExponentialSeries if bounds is None else HistogramSeries,
    }[word]
    wanted = os.environ.get("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "")
    preference = wanted.strip().upper() or "CUMULATIVE"
    if preference not in _DELTA:
        LOG.warning("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=%s is not known", wanted)
        preference = "CUMULATIVE"
    return Kind(
        provider=provider,
        word=word,
        name=name,
        unit=unit or "",
        description=description or "",
        make=series,
        bounds=bounds if series is HistogramSeries else None,
        is_delta=word in _DELTA[preference],
        is_monotonic=word in ("counter", "observable_counter"),
    )


def _is_exponential() -> bool:
    name = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
    wanted = os.environ.get(name, "").strip().lower()
    if wanted not in ("", "explicit_bucket_histogram", "base2_exponential_bucket_histogram"):
        LOG.warning("%s=%s is not known; explicit buckets are used", name, wanted)
    return wanted == "base2_exponential_bucket_histogram"


def _bounds(given: Any) -> tuple[float, ...]:
    """Returns bounds that increase; the default ones where those given cannot be used."""
    if given is None:
        return DEFAULT_BOUNDS
    try:
        bounds = tuple(float(bound) for bound in given)
    except (TypeError, ValueError):
        bounds = (0.0, 0.0)
    if any(not low < high for low, high in pairwise(bounds)):
        say_once(f"{given!r} are no increasing bounds of a histogram; the default ones are used")
        return DEFAULT_BOUNDS
    return bounds
