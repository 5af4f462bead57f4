"""The ranking over a graph: a shop with planted faults, and stretches without any."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from vario.investigate.ranking import Panel, RankSettings, find_segment, learn_usual, rank_nodes

NODES = ("shop", "search", "cart", "table", "mail", "aside")
CALLEES = {
    "shop": ("search", "cart", "mail"),
    "search": ("table",),
    "cart": ("table", "unheard-of"),
    "aside": ("search",),
}
REQUESTS = np.array([400, 600, 150, 700, 20, 50])
SECONDS = np.array([0.4, 0.05, 0.2, 0.01, 0.1, 0.3])
STEPS = 200

Draw = Callable[[int, int], Panel]


def draw_latency(seed: int, steps: int) -> Panel:
    rng = np.random.default_rng(seed)
    requests = rng.poisson(REQUESTS[:, None], (len(NODES), steps)).astype(float)
    each = SECONDS[:, None] * rng.lognormal(0, 0.05, requests.shape)
    return Panel(NODES, each * requests, requests)


def draw_failures(seed: int, steps: int) -> Panel:
    rng = np.random.default_rng(seed)
    requests = rng.poisson(REQUESTS[:, None], (len(NODES), steps)).astype(float)
    return Panel(NODES, rng.binomial(requests.astype(int), 0.002).astype(float), requests)


def worsen(panel: Panel, amounts: dict[str, float], steps: slice) -> Panel:
    """Returns the panel with an amount added to each of some steps of the nodes named."""
    amount: NDArray[np.float64] = panel.amount.copy()
    for node, more in amounts.items():
        amount[NODES.index(node), steps] += more
    return replace(panel, amount=amount)


@pytest.mark.parametrize(
    ("cause", "amounts"),
    [
        ("table", {"table": 60, "search": 45, "cart": 12, "shop": 57, "aside": 3}),
        ("search", {"search": 60, "shop": 55, "aside": 5}),
        ("cart", {"cart": 60, "shop": 60}),
        ("mail", {"mail": 40, "shop": 40}),
        ("shop", {"shop": 60}),
    ],
)
@pytest.mark.parametrize("draw", [draw_latency, draw_failures])
def test_the_node_that_explains_its_callers_is_blamed(
    draw: Draw, cause: str, amounts: dict[str, float]
) -> None:
    event = None if draw is draw_latency else 1.0
    history, window = draw(1, STEPS), draw(2, 6)
    # Failures are whole requests, and there are fewer of them.
    scale = 1.0 if event is None else 0.3
    amounts = {node: round(amount * scale) for node, amount in amounts.items()}
    blame = rank_nodes(history, worsen(window, amounts, slice(3, 5)), CALLEES, "shop", event)
    assert (blame.suspects[0].node, blame.stands_out) == (cause, True)
    assert (blame.onset, blame.end, blame.placebos) == (3, 5, STEPS // 6)
    assert blame.suspects[0].share > 0.6


def test_who_only_calls_and_who_has_no_history_are_no_suspects() -> None:
    window = worsen(draw_latency(2, 6), {"aside": 500, "shop": 50, "mail": 50}, slice(3, 6))
    history = draw_latency(1, STEPS)
    history.requests[NODES.index("mail"), 10:] = 0
    blame = rank_nodes(history, window, CALLEES, "shop", None)
    assert {suspect.node for suspect in blame.suspects} == {"shop", "search", "cart", "table"}
    assert blame.suspects[0].node == "shop"


@pytest.mark.parametrize("draw", [draw_latency, draw_failures])
def test_hardly_any_stretch_without_a_fault_is_blamed_on_someone(draw: Draw) -> None:
    event = None if draw is draw_latency else 1.0
    blamed = [
        rank_nodes(draw(1000 + seed, STEPS), draw(seed, 6), CALLEES, "shop", event).stands_out
        for seed in range(40)
    ]
    assert sum(blamed) <= 5


def test_too_short_a_history_blames_nobody() -> None:
    window = worsen(draw_latency(2, 6), {"cart": 60, "shop": 60}, slice(3, 6))
    blame = rank_nodes(draw_latency(1, 60), window, CALLEES, "shop", None)
    assert (blame.suspects[0].node, blame.stands_out, blame.placebos) == ("cart", False, 10)
    without = rank_nodes(
        draw_latency(1, STEPS), window, CALLEES, "shop", None, RankSettings(max_placebos=0)
    )
    assert (without.p, without.stands_out) == (1.0, False)


def test_a_level_that_shifted_before_the_window_is_not_part_of_it() -> None:
    shifted = worsen(draw_latency(2, 6), {"search": 100}, slice(0, 6))
    window = worsen(shifted, {"cart": 60, "shop": 60}, slice(3, 6))
    blame = rank_nodes(draw_latency(1, STEPS), window, CALLEES, "shop", None)
    assert blame.suspects[0].node == "cart"


def test_order_and_names_of_nodes_make_no_difference() -> None:
    window = worsen(draw_latency(2, 6), {"cart": 60, "shop": 60}, slice(3, 6))
    history = draw_latency(1, STEPS)
    order = [3, 0, 5, 1, 4, 2]
    names = tuple(f"renamed-{NODES[i]}" for i in order)
    turned = [
        Panel(names, panel.amount[order], panel.requests[order]) for panel in (history, window)
    ]
    callees = {
        f"renamed-{node}": tuple(f"renamed-{one}" for one in called)
        for node, called in CALLEES.items()
    }
    one = rank_nodes(history, window, CALLEES, "shop", None)
    other = rank_nodes(turned[0], turned[1], callees, "renamed-shop", None)
    assert [f"renamed-{suspect.node}" for suspect in one.suspects] == [
        suspect.node for suspect in other.suspects
    ]
    assert [suspect.score for suspect in one.suspects] == pytest.approx(
        [suspect.score for suspect in other.suspects]
    )


def test_an_unknown_target_is_refused() -> None:
    panel = draw_latency(1, STEPS)
    with pytest.raises(ValueError, match="'till' is not among the 6 nodes"):
        rank_nodes(panel, panel, CALLEES, "till", None)


def test_usual_is_the_median_and_a_rate_of_failures_is_known_to_one_failure() -> None:
    requests = np.full((1, 40), 50.0)
    usual = learn_usual(Panel(("one",), np.zeros((1, 40)), requests), 1.0)
    assert (usual.rate.tolist(), usual.deviation.tolist(), usual.known.tolist()) == (
        [0.0],
        [1 / 50],
        [True],
    )


def test_the_segment_is_the_one_with_the_most_evidence() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        z = rng.normal(0.5, 2, 7)
        segments = [
            (z[start:end].sum() / np.sqrt(end - start), start, end)
            for start in range(7)
            for end in range(start + 1, 8)
        ]
        strength, start, end = max(segments)
        assert find_segment(z) == (start, end, pytest.approx(strength))
