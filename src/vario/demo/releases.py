"""Releases of the model server, and what each one's pipeline makes of a request."""

from typing import Any

import numpy as np

HEALTHY, SILENT, HARMLESS = "v23", "v23.1", "v23.2"

LOST_SHARE = {(SILENT, "eu-west"): 0.3}
"""By release and region: of all requests, those whose session length the pipeline loses.

With those that come without one anyway, 31% lack it. Nothing fails and nothing is slower: the
model takes a request without a session length for one of a user who has just come.
"""


def read_session_length(
    asked: dict[str, Any], version: str, region: str, random: np.random.Generator
) -> float | None:
    """Returns a request's session length in minutes as a release's pipeline reads it, or None."""
    if random.random() < LOST_SHARE.get((version, region), 0.0):
        return None
    return asked.get("session_length")
