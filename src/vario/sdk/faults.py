"""A fault of the SDK never reaches the user's service: it is logged once for each place.

Under vario's own tests (`VARIO_SDK_RAISE_FAULTS=1`) it is raised instead.
"""

import logging
import os

LOG = logging.getLogger("vario.sdk")
_MOST = 1_000
_seen: set[str] = set()


def report(place: str, error: BaseException) -> None:
    """Logs a fault of the SDK the first time that it happens at this place.

    Args:
        place: what the SDK was doing, as words that finish "vario could not ...".
        error: what went wrong; raised as it is under vario's own tests.
    """
    if os.environ.get("VARIO_SDK_RAISE_FAULTS") == "1":
        raise error
    if _is_new(place):
        LOG.error(
            "vario could not %s; the service goes on without it (said once): %r",
            place,
            error,
            exc_info=error,
        )


def say_once(words: str) -> None:
    """Warns of something that a service does not do well, the first time that it is seen."""
    if _is_new(words):
        LOG.warning("vario: %s (said once)", words)


def forget() -> None:
    """Lets everything be said again: another configuration, another story."""
    _seen.clear()


def _is_new(words: str) -> bool:
    if words in _seen or len(_seen) >= _MOST:
        return False
    _seen.add(words)
    return True
