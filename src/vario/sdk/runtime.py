"""The life of the SDK in a process: set up once, renewed after a fork, flushed at the end."""

import atexit
import os
import signal
import threading
from types import FrameType

from vario.sdk import logs
from vario.sdk.context import reseed
from vario.sdk.faults import LOG, forget, report
from vario.sdk.pipeline import Pipeline
from vario.sdk.providers import Providers
from vario.sdk.settings import is_disabled, read_settings
from vario.sdk.state import STATE

_EXIT_TIMEOUT_S = 5.0


def configure(
    *,
    service: str | None = None,
    model: str | None = None,
    version: str | None = None,
    region: str | None = None,
    stdout: bool = True,
    latency_objective_s: float = 0.2,
    exponential_histograms: bool | None = None,
) -> None:
    """Sets up traces, metrics and logs over OTLP/HTTP, by default to 127.0.0.1:4318.

    Call it once, where the service starts. What is not given is read from the standard variables
    (`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_ENDPOINT`, ...). It never
    raises; a second call is ignored with a warning.

    Args:
        service: name of the service; `OTEL_SERVICE_NAME` where it is not given.
        model: name of the model that the service serves, if it serves one.
        version: version of the model, or of the service where there is no model.
        region: where this instance runs, such as `eu-west`.
        stdout: whether each request's JSON log line is also written to standard output.
        latency_objective_s: what a request should take at most, in seconds: the latency histogram
            has a bound there, and is dense around it.
        exponential_histograms: whether latencies are kept in exponential histograms, which need
            no bounds, instead.
    """
    if is_disabled():
        return
    if STATE.pipeline is not None:
        LOG.warning("vario.configure was called again; the first call's settings stay")
        return
    try:
        forget()
        settings = read_settings(
            service=service,
            model=model,
            version=version,
            region=region,
            objective_s=latency_objective_s,
            exponential=exponential_histograms,
        )
        _hook()
        if STATE.providers is None:
            STATE.providers = Providers()
            STATE.providers.install()
        pipeline = Pipeline(settings, STATE.providers)
        pipeline.start()
        STATE.pipeline = pipeline
        STATE.stdout = stdout
        logs.attach()
    except Exception as error:
        report("set up telemetry", error)


def flush(timeout_s: float = _EXIT_TIMEOUT_S) -> bool:
    """Sends everything that has been recorded.

    Args:
        timeout_s: the most that it may take.

    Returns:
        Whether all of it was sent; True where there is nothing to send.
    """
    pipeline = STATE.pipeline
    try:
        return pipeline is None or pipeline.exporter.flush(timeout_s)
    except Exception as error:
        report("flush", error)
        return False


def shutdown(timeout_s: float = _EXIT_TIMEOUT_S) -> bool:
    """Flushes and ends the SDK; every verb does nothing from then on. Returns as `flush` does.

    It is called by itself when the interpreter exits.
    """
    pipeline, STATE.pipeline = STATE.pipeline, None
    if pipeline is None:
        return True
    try:
        logs.detach()
        return pipeline.stop(timeout_s)
    except Exception as error:
        report("shut down", error)
        return False


def _hook() -> None:
    """Hooks into the process's forks and its end, once."""
    if STATE.is_hooked:
        return
    STATE.is_hooked = True
    atexit.register(shutdown)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_after_fork)
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # Python's default is to die without a word. Servers that handle SIGTERM themselves replace
        # this; uvicorn puts it back and raises the signal again when it has shut down.
        signal.signal(signal.SIGTERM, _flush_and_die)


def _flush_and_die(number: int, frame: FrameType | None) -> None:
    shutdown()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _after_fork() -> None:
    """Gives a forked child a pipeline of its own; runs before anything else can use the parent's.

    The parent's queue, counts, sockets and locks stay the parent's: the child counts from zero
    under an instance id of its own, so that nothing is lost and nothing is counted twice.
    """
    inherited = STATE.pipeline
    if inherited is None:
        return
    try:
        reseed()
        pipeline = Pipeline(inherited.settings.for_process(os.getpid()), inherited.providers)
        pipeline.start()
        STATE.pipeline = pipeline
    except Exception as error:
        STATE.pipeline = None
        report("set up telemetry after a fork", error)
