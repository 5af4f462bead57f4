"""What the machine has to say: graphics cards by NVML, processor and memory by psutil.

Everything is asked when metrics are collected, in the background, never on a request's time.
Needs the extra `vario[gpu]`; without a card, or without either package, what is not there is not
reported.
"""

import os
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation

from vario.sdk.faults import LOG, report
from vario.sdk.state import STATE


def gpu() -> bool:
    """Has the state of graphics cards, processor and memory reported from now on.

    Gauges: `gpu_utilization_ratio`, `gpu_memory_used_bytes`, `gpu_memory_total_bytes`,
    `gpu_power_watts`, `gpu_process_memory_bytes` (of this process), each with `gpu` (its index)
    and `gpu_name`; `process_cpu_utilization_ratio` (of one core), `process_memory_bytes`,
    `system_cpu_utilization_ratio`, `system_memory_utilization_ratio`.

    Returns:
        Whether there is a card to report of.
    """
    pipeline = STATE.pipeline
    if pipeline is None:
        return False
    try:
        cards = _Cards()
        meter = pipeline.providers.metrics.get_meter("vario.hardware")
        for name, unit, read in (
            ("gpu_utilization_ratio", "1", cards.utilization),
            ("gpu_memory_used_bytes", "By", cards.memory_used),
            ("gpu_memory_total_bytes", "By", cards.memory_total),
            ("gpu_power_watts", "W", cards.power),
            ("gpu_process_memory_bytes", "By", cards.own_memory),
        ):
            meter.create_observable_gauge(name, [read], unit)
        host = _Host()
        for name, unit, read in (
            ("process_cpu_utilization_ratio", "1", host.own_cpu),
            ("process_memory_bytes", "By", host.own_memory),
            ("system_cpu_utilization_ratio", "1", host.cpu),
            ("system_memory_utilization_ratio", "1", host.memory),
        ):
            meter.create_observable_gauge(name, [read], unit)
        return cards.count() > 0
    except Exception as error:
        report("watch the hardware", error)
        return False


class _Cards:
    """NVML, opened in the process that asks: it does not survive a fork."""

    def __init__(self) -> None:
        self._pid = 0
        self._nvml: Any = None
        self._found: list[tuple[Any, dict[str, str]]] = []

    def count(self) -> int:
        """Returns how many cards there are."""
        return len(self._cards())

    def utilization(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the share of time in which a card did anything at all."""
        return self._each(lambda nvml, card: nvml.nvmlDeviceGetUtilizationRates(card).gpu / 100)

    def memory_used(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the memory in use, in bytes."""
        return self._each(lambda nvml, card: nvml.nvmlDeviceGetMemoryInfo(card).used)

    def memory_total(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the memory that there is, in bytes."""
        return self._each(lambda nvml, card: nvml.nvmlDeviceGetMemoryInfo(card).total)

    def power(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the power that a card draws, in watts."""
        return self._each(lambda nvml, card: nvml.nvmlDeviceGetPowerUsage(card) / 1_000)

    def own_memory(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the memory that this process has on a card, in bytes."""
        return self._each(_own_memory)

    def _each(self, read: Any) -> list[Observation]:
        found: list[Observation] = []
        for card, labels in self._cards():
            try:
                value = read(self._nvml, card)
            except Exception as error:  # a card need not know everything
                LOG.debug("NVML does not tell: %s", error)
                continue
            if value is not None:
                found.append(Observation(value, labels))
        return found

    def _cards(self) -> list[tuple[Any, dict[str, str]]]:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._found = []
            try:
                nvml = self._nvml = import_module("pynvml")
                nvml.nvmlInit()
                for index in range(nvml.nvmlDeviceGetCount()):
                    card = nvml.nvmlDeviceGetHandleByIndex(index)
                    name = nvml.nvmlDeviceGetName(card)
                    text = name.decode() if isinstance(name, bytes) else str(name)
                    self._found.append((card, {"gpu": str(index), "gpu_name": text}))
            except Exception as error:  # no package, no driver, no card
                LOG.debug("no graphics card is reported: %s", error)
        return self._found


def _own_memory(nvml: Any, card: Any) -> int | None:
    own = [
        process.usedGpuMemory
        for process in nvml.nvmlDeviceGetComputeRunningProcesses(card)
        if process.pid == os.getpid() and process.usedGpuMemory
    ]
    return sum(own) if own else None


class _Host:
    """psutil, where it is installed."""

    def __init__(self) -> None:
        try:
            self._psutil: Any = import_module("psutil")
        except ImportError:
            self._psutil = None
        self._own: dict[int, Any] = {}

    def _process(self) -> Any:
        pid = os.getpid()
        if pid not in self._own:
            self._own = {pid: self._psutil.Process(pid)}
        return self._own[pid]

    def own_cpu(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns how many cores this process keeps busy."""
        return [Observation(self._process().cpu_percent() / 100)] if self._psutil else ()

    def own_memory(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the resident memory of this process, in bytes."""
        return [Observation(self._process().memory_info().rss)] if self._psutil else ()

    def cpu(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the share of all cores that is busy."""
        return [Observation(self._psutil.cpu_percent() / 100)] if self._psutil else ()

    def memory(self, options: CallbackOptions) -> Iterable[Observation]:
        """Returns the share of memory that is in use."""
        return [Observation(self._psutil.virtual_memory().percent / 100)] if self._psutil else ()
