"""What an upstream adds by itself, beyond what it waits for in turn."""

from collections.abc import Mapping

import numpy as np

from vario.investigate.case import Case
from vario.investigate.frame import Frame
from vario.investigate.leaves import Columns
from vario.investigate.ranking import CLEAR_Z, Panel, RankSettings, rank_nodes
from vario.store.base import Cube

_STEPS_BEFORE = 5
"""Steps of the baseline that are looked at with the window, so that it has a beginning."""


def find_own_shares(
    case: Case, frame: Frame, cubes: Mapping[str, Cube], calls: Mapping[str, set[str]]
) -> dict[str, float]:
    """Returns for each service the share of the case's excess that its callees do not have.

    Only services are in it that are clearly out of the ordinary; none where the baseline is too
    short to say what that is.

    Args:
        case: whose `service` suffers.
        frame: steps of the cubes.
        cubes: by service, that of `case.service` among them: requests, failures, durations.
        calls: which service calls which.
    """
    nodes = tuple(sorted(cubes))
    if case.service not in cubes or len(nodes) == 1:
        return {}
    fails = case.symptom == "errors"
    amount = np.array(
        [(cubes[node].errors if fails else cubes[node].duration_s).sum(0) for node in nodes]
    )
    requests = np.array([cubes[node].count.sum(0) for node in nodes])
    before, after = np.flatnonzero(frame.before), np.flatnonzero(frame.after)
    window = np.concatenate((before[-_STEPS_BEFORE:], after))

    def panel(steps: Columns) -> Panel:
        return Panel(nodes, amount[:, steps], requests[:, steps])

    blame = rank_nodes(
        panel(before[:-_STEPS_BEFORE]),
        panel(window),
        {caller: tuple(sorted(called)) for caller, called in calls.items()},
        case.service,
        1.0 if fails else None,
        # Whether there is an incident at all has been decided before.
        RankSettings(max_placebos=0),
    )
    return {one.node: one.share for one in blame.suspects if one.z >= CLEAR_Z}
