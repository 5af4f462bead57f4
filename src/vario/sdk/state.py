"""What there is once in a process: its pipeline."""

from vario.sdk.forward import GlobalProviders
from vario.sdk.pipeline import Pipeline


class State:
    """The SDK in this process. Only `vario.sdk.runtime` writes here."""

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self.providers: GlobalProviders | None = None
        self.is_hooked = False
        self.stdout = True


STATE = State()


def current() -> Pipeline | None:
    """Returns this process's pipeline; None before `configure` and where the SDK is disabled."""
    return STATE.pipeline
