"""What there is once in a process: its pipeline, and what is handed out to libraries."""

from vario.sdk.pipeline import Pipeline
from vario.sdk.providers import Providers


class State:
    """The SDK in this process. Only `vario.sdk.runtime` writes here."""

    __slots__ = ("is_hooked", "pipeline", "providers", "stdout")

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self.providers: Providers | None = None
        self.is_hooked = False
        self.stdout = True


STATE = State()


def current() -> Pipeline | None:
    """Returns this process's pipeline; None before `configure` and where the SDK is disabled."""
    return STATE.pipeline
