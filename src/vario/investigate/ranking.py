"""Which node of a dependency graph is to blame for what its caller, the target, suffers.

Every node is held against its own history with median and interquartile range, which survive an
onset that is a step off. Blame is an amount: seconds or failed requests beyond the usual. What a
node has in excess because its callees do is theirs, so the deepest node that is out of the ordinary
is blamed as far as it explains its callers, and not for being deep. Whether anything is blamed at
all is decided by the same procedure on stretches of the history ("placebos").
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from vario.investigate.leaves import Flags, Floats

Callees = Mapping[str, tuple[str, ...]]
"""For each node the nodes that it calls."""

CLEAR_Z = 3.0
"""Robust deviations from which on a node is rather out of the ordinary than not."""

MOST_Z = 20.0
"""Deviations of a single step count up to this."""

LEAST_SPREAD = 0.01
"""The deviation of a rate is at least this part of the rate itself."""

LEAST_HISTORY = 20
"""Steps with requests that the history must hold of a node; before, nothing is usual for it. A
dependency that appears with the incident is therefore a change of its caller."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Amounts and requests of nodes over evenly spaced steps: both (nodes, steps).

    `amount` is what grows when things get worse: failed requests, or the seconds that all requests
    took together. A step without requests holds 0 in both.
    """

    nodes: tuple[str, ...]
    amount: Floats
    requests: Floats

    def stretch(self, start: int, end: int) -> "Panel":
        """Returns the steps from `start` to before `end`."""
        return Panel(self.nodes, self.amount[:, start:end], self.requests[:, start:end])


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node and how much speaks against it.

    Attributes:
        node: its name.
        score: 0 to 1, what the suspects are ranked by: the product of `share`, `likeness` and how
            clearly the node is out of the ordinary.
        share: of the target's excess that the node has beyond what its callees have.
        likeness: cosine between its excess and the target's, step by step.
        z: robust deviations from its usual rate, over the steps of the symptom.
        before: its usual amount per request.
        after: the same over the steps of the symptom.
    """

    node: str
    score: float
    share: float
    likeness: float
    z: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Blame:
    """Who is to blame.

    Attributes:
        suspects: the best first, the target itself among them.
        stands_out: whether the first is to be blamed; otherwise this happens without incident, too.
        onset: step of the window at which the symptom began.
        end: step after its last one.
        strength: how far the target is out of the ordinary in these steps, in robust deviations.
        p: chance of this in a stretch of history; 1 without placebos.
        placebos: stretches of history that were ranked for comparison.
    """

    suspects: tuple[Suspect, ...]
    stands_out: bool
    onset: int
    end: int
    strength: float
    p: float
    placebos: int


@dataclass(frozen=True, slots=True)
class RankSettings:
    """How nodes are ranked; one configuration for every question and every benchmark.

    Attributes:
        max_p: above this chance nothing stands out: nineteen placebos are needed.
        max_placebos: stretches of history ranked for comparison.
    """

    max_p: float = 0.05
    max_placebos: int = 120


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual for each node: median rate, its robust deviation, and whether it is known."""

    rate: Floats
    deviation: Floats
    known: Flags


def rank_nodes(
    history: Panel,
    window: Panel,
    callees: Callees,
    target: str,
    event: float | None,
    settings: RankSettings = RankSettings(),
) -> Blame:
    """Returns which of the nodes that `target` calls, or itself, is to blame in `window`.

    Args:
        history: steps without an incident, of the same nodes in the same order, evenly spaced
            like the window's.
        window: the steps that are asked about: the symptom and, best, some before it. When the
            symptom begins is found out.
        callees: the graph; nodes without data may occur in it.
        target: the node that suffers.
        event: 1 for failed requests; None for durations (there a request's usual amount counts).
        settings: how it is done.

    Raises:
        ValueError: `target` is not a node of the panels.
    """
    ranker = _Ranker(learn_usual(history, event), window.nodes, callees, target)
    blame = ranker.rank(window)
    null = [_weigh(ranker.rank(stretch)) for stretch in _placebos(history, window, settings)]
    weight = _weigh(blame)
    p = (1 + sum(other >= weight for other in null)) / (1 + len(null))
    return Blame(
        blame.suspects,
        weight > 0 and p <= settings.max_p,
        blame.onset,
        blame.end,
        blame.strength,
        p,
        len(null),
    )


def _placebos(history: Panel, window: Panel, settings: RankSettings) -> Iterator[Panel]:
    """Yields stretches of history that are as long as the window and do not overlap.

    If they did, one incident in the history would count as often as they are shifted against it.
    """
    length = window.amount.shape[1]
    starts = np.arange(0, history.amount.shape[1] - length + 1, length)
    if len(starts) > settings.max_placebos:
        starts = starts[np.linspace(0, len(starts) - 1, settings.max_placebos).astype(np.int64)]
    for start in starts.tolist():
        yield history.stretch(start, start + length)


def _weigh(blame: Blame) -> float:
    """Returns how much it all stands out: the target, and the first suspect who explains it."""
    if not blame.suspects:
        return 0.0
    first = blame.suspects[0]
    return first.score * float(np.sqrt(max(blame.strength, 0) * max(first.z, 0)))


def learn_usual(history: Panel, event: float | None) -> Usual:
    """Returns what is usual in `history`; `event` as for `rank_nodes`.

    A rate of failures cannot be known better than to one failure in a step.
    """
    seen = history.requests > 0
    rate = np.where(seen, history.amount / np.maximum(history.requests, 1e-12), np.nan)
    known = seen.sum(1) >= LEAST_HISTORY
    low, middle, high = np.zeros((3, len(rate)))
    requests = np.ones(len(rate))
    for node in np.flatnonzero(known):
        low[node], middle[node], high[node] = np.nanpercentile(rate[node], (25, 50, 75))
        requests[node] = np.median(history.requests[node, seen[node]])
    deviation = np.maximum((high - low) / 1.349, LEAST_SPREAD * middle)
    if event is not None:
        deviation = np.maximum(deviation, event / requests)
    return Usual(middle, np.maximum(deviation, 1e-12), known)


def find_segment(z: Floats) -> tuple[int, int, float]:
    """Returns start and end (exclusive) of the steps that stand out most, and how far.

    That is the segment with the largest sum over the root of its length.

    >>> find_segment(np.array([0.1, -0.2, 4.0, 5.0, 0.3]))
    (2, 4, 6.363961030678928)
    """
    sums = np.concatenate(([0.0], np.cumsum(z)))
    start, end = np.triu_indices(len(sums), 1)
    strength = (sums[end] - sums[start]) / np.sqrt(end - start)
    best = int(np.argmax(strength))
    return int(start[best]), int(end[best]), float(strength[best])


class _Ranker:
    """Ranks the nodes in one window after the other against what is usual."""

    def __init__(self, usual: Usual, nodes: tuple[str, ...], callees: Callees, target: str) -> None:
        if target not in nodes:
            raise ValueError(f"the target {target!r} is not among the {len(nodes)} nodes")
        self._usual = usual
        self._nodes = nodes
        self._target = nodes.index(target)
        position = {node: i for i, node in enumerate(nodes)}
        self._calls = np.zeros((len(nodes), len(nodes)))
        for caller, called in callees.items():
            for node in called:
                if caller in position and node in position and node != caller:
                    self._calls[position[caller], position[node]] = 1
        self._reached = self._reach()

    def _reach(self) -> list[int]:
        """Returns the target and all that it calls, directly or not, if it has a history."""
        reached = [self._target]
        for node in reached:
            reached += [
                int(callee) for callee in np.flatnonzero(self._calls[node]) if callee not in reached
            ]
        return [node for node in reached if self._usual.known[node]]

    def rank(self, window: Panel) -> Blame:
        """Returns the suspects in `window`, not yet compared with placebos."""
        usual, deviation = self._usual.rate[:, None], self._usual.deviation[:, None]
        seen = window.requests > 0
        rate = np.where(seen, window.amount / np.maximum(window.requests, 1e-12), usual)
        z = np.clip((rate - usual) / deviation, -MOST_Z, MOST_Z)
        start, end, strength = find_segment(z[self._target])
        if start > 0:
            # Above what is usual, and above what it was just before: a level that has shifted
            # since the history was written is not part of the incident.
            usual = np.maximum(usual, rate[:, :start].min(1, keepdims=True))
        over = np.where(self._usual.known[:, None], rate - usual, 0)
        steps = np.clip(over / deviation, -MOST_Z, MOST_Z)[:, start:end]
        z_node = steps.sum(1) / np.sqrt(end - start)
        excess = over * window.requests
        share = self._own_share(excess[:, start:end].sum(1), window.requests[:, start:end], z_node)
        after = (rate * window.requests)[:, start:end].sum(1)
        after /= np.maximum(window.requests[:, start:end].sum(1), 1e-12)
        suspects: list[Suspect] = []
        for node in self._reached:
            likeness = _cosine(excess[node], excess[self._target])
            score = float(share[node] * _clarity(z_node)[node] * max(likeness, 0))
            suspects.append(
                Suspect(
                    self._nodes[node],
                    score,
                    float(share[node]),
                    likeness,
                    float(z_node[node]),
                    float(usual[node, 0]),
                    float(after[node]),
                )
            )
        suspects.sort(key=lambda suspect: -suspect.score)
        return Blame(tuple(suspects), False, start, end, strength, 1.0, 0)

    def _own_share(self, amount: Floats, requests: Floats, z: Floats) -> Floats:
        """Returns for each node the share of the target's excess that its callees do not have.

        A callee's excess is divided among its callers by their requests, because calls are not
        counted by pair; it is deducted as far as the callee is clearly out of the ordinary.
        """
        calling = self._calls * requests.sum(1)[:, None]
        part = calling / np.maximum(calling.sum(0), 1e-12)
        inherited = part @ (np.maximum(amount, 0) * _clarity(z))
        damage = max(float(amount[self._target]), 1e-12)
        return np.clip((amount - inherited) / damage, 0, 1)


def _clarity(z: Floats) -> Floats:
    """Returns 0 for what is usual, 1/2 at `CLEAR_Z`, towards 1 beyond."""
    risen = np.maximum(z, 0) ** 2
    return risen / (risen + CLEAR_Z**2)


def _cosine(one: Floats, other: Floats) -> float:
    length = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / length if length > 0 else 0.0
