"""A fault of the SDK never reaches the user's service: it is logged once for each place.

Under vario's own tests (`VARIO_SDK_RAISE_FAULTS=1`) it is raised instead.
"""

import logging
import os

LOG = logging.getLogger("vario.sdk")
_seen: set[str] = set()


def report(place: str, error: BaseException) -> None:
    """Logs a fault of the SDK the first time that it happens at this place.

    Args:
        place: what the SDK was doing, as words that finish "vario could not ...".
        error: what went wrong; raised as it is under vario's own tests.
    """
    if os.environ.get("VARIO_SDK_RAISE_FAULTS") == "1":
        raise error
    if place not in _seen:
        _seen.add(place)
        LOG.error(
            "vario could not %s; the service goes on without it (said once): %r",
            place,
            error,
            exc_info=error,
        )
