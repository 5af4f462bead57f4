"""The proof of a fix over simulated streams: how often it is wrong, and how long it takes.

Every stream is looked at again and again from the claim on, as the server does, and "recovered" at
any look counts. A false one is said of a stream that in truth stays at the tolerance or above it.
Latency is a mean over requests (lognormal, sigma 0.5) whose level wanders as an AR(1) process.

    python -m bench verify            (VARIO_BENCH_STREAMS=100 for a shorter run)
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.report import Row
from vario.investigate.blocks import Table
from vario.investigate.proof import judge_fix
from vario.investigate.trial import Trial
from vario.model.investigation import FixVerdict

S = 10**9
STEP_S = 10
CV = 0.53
"""Coefficient of variation of one request's duration: of a lognormal with sigma 0.5."""
LOOKS_S = (*range(30, 600, 30), *range(600, 3601, 120))


@dataclass(frozen=True)
class World:
    """What a stream is drawn from.

    Attributes:
        history_s: time before the incident; the incident lasts `incident_s`.
        rate: requests a second in the slice.
        rho: correlation of the level over one minute; `wander` its standard deviation.
        wave: amplitude of a wave of `wave_s`.
        incident: factor of the latency during the incident; `after` since the claimed fix.
        settle_s: half-life with which it goes from one to the other; 0 at once.
        surge: factor over slice and control during the incident, that ends with the claim.
        control: whether there is traffic that was not affected.
        day_before: whether the same time of the day before is known: the same wave, other noise.
        expensive: share of requests that take three times as long, before and since the claim.
        errors: whether errors are counted instead: before 0.5 %, during 8 %, since `after`.
    """

    history_s: int = 3600
    incident_s: int = 600
    rate: float = 20.0
    rho: float = 0.0
    wander: float = 0.0
    wave: float = 0.0
    wave_s: int = 7200
    incident: float = 3.0
    after: float = 1.0
    settle_s: float = 0.0
    surge: float = 1.0
    control: bool = False
    day_before: bool = False
    expensive: tuple[float, float] = (0.0, 0.0)
    errors: bool = False


def draw(world: World, dice: np.random.Generator) -> Trial:
    """Returns a stream up to an hour after the claim."""
    before, during = world.history_s // STEP_S, world.incident_s // STEP_S
    after = LOOKS_S[-1] // STEP_S
    steps = before + during + after
    claimed = before + during
    step = np.arange(steps)
    factor = np.ones(steps)
    factor[before:claimed] = world.incident * world.surge
    waited_s = (step[claimed:] - claimed) * STEP_S
    left = 0.5 ** (waited_s / world.settle_s) if world.settle_s else np.zeros(after)
    factor[claimed:] = world.after + (world.incident - world.after) * left
    waves = _waves(world, steps, dice)
    shared = _wander(world, steps, dice) + waves
    own = _wander(world, steps, dice) * 0.3 if world.control else np.zeros(steps)
    surge = np.ones(steps)
    surge[before:claimed] = world.surge
    slice_ = _table(world, factor * np.exp(shared + own), claimed, dice)
    control = None
    if world.control:
        calm = surge * np.exp(shared + 0.3 * _wander(world, steps, dice))
        control = _table(World(rate=3 * world.rate), calm, claimed, dice)
    elif world.day_before:
        calm = np.exp(waves + _wander(world, steps, dice))
        control = _table(World(rate=world.rate), calm, claimed, dice)
    return Trial(
        slice_, control, before * STEP_S * S, (before + 2) * STEP_S * S, claimed * STEP_S * S,
        world.errors, 0.1,
    )  # fmt: skip


def _wander(world: World, steps: int, dice: np.random.Generator) -> np.ndarray:
    rho = world.rho ** (STEP_S / 60) if world.rho else 0.0
    shocks = dice.normal(size=steps) * world.wander * np.sqrt(1 - rho**2)
    found = np.empty(steps)
    found[0] = dice.normal() * world.wander
    for at in range(1, steps):
        found[at] = rho * found[at - 1] + shocks[at]
    return found


def _waves(world: World, steps: int, dice: np.random.Generator) -> np.ndarray:
    phase = dice.uniform(0, 2 * np.pi)
    return world.wave * np.sin(2 * np.pi * np.arange(steps) * STEP_S / world.wave_s + phase)


def _table(world: World, level: np.ndarray, claimed: int, dice: np.random.Generator) -> Table:
    steps = len(level)
    share = np.where(np.arange(steps) < claimed, *world.expensive)
    total = np.vstack([
        dice.poisson(world.rate * STEP_S * (1 - share)), dice.poisson(world.rate * STEP_S * share)
    ]).astype(float)  # fmt: skip
    if world.errors:
        chance = np.where(level > 1.5, 0.08, 0.005 if world.after == 1 else world.after)
        chance[: claimed - world.incident_s // STEP_S] = 0.005
        amount = dice.binomial(total.astype(int), np.clip(chance, 0, 1)).astype(float)
    else:
        mean = np.vstack([0.1 * level, 0.3 * level])
        noise = dice.normal(size=total.shape) * CV / np.sqrt(np.maximum(total, 1))
        amount = total * mean * np.maximum(1 + noise, 0.05)
    return Table(0, STEP_S * S, amount, total)


def watch(trial: Trial) -> tuple[FixVerdict, float, bool]:
    """Returns the verdict that a stream ends with, when it came, and whether it then relapsed."""
    verdict: FixVerdict = "too_early"
    at_s = float("nan")
    for look_s in LOOKS_S:
        end_ns = trial.claimed_ns + look_s * S
        seen = Trial(
            until(trial.slice, end_ns),
            until(trial.control, end_ns) if trial.control else None,
            trial.onset_low_ns, trial.onset_high_ns, trial.claimed_ns, trial.is_share,
            trial.tolerance,
        )  # fmt: skip
        found = judge_fix(seen, verdict).verdict
        if found == "relapsed":
            return verdict, at_s, True
        if found == "recovered" and verdict != "recovered":
            at_s = look_s
        verdict = found
    return verdict, at_s, False


def until(table: Table, end_ns: int) -> Table:
    end = (end_ns - table.start_ns) // table.step_ns
    return Table(table.start_ns, table.step_ns, table.amount[:, :end], table.total[:, :end])


FALSE = {
    "nothing changed": World(after=3.0),
    "stays at the tolerance": World(after=1.1),
    "... AR(1) 0.5 a minute, 5 %": World(after=1.1, rho=0.5, wander=0.05),
    "... AR(1) 0.8 a minute, 10 %": World(after=1.1, rho=0.8, wander=0.1),
    "... a wave of two hours, 10 %": World(after=1.1, wave=0.1),
    "... a daily wave, 30 %, the day before": World(
        after=1.1, rho=0.5, wander=0.05, wave=0.3, wave_s=86_400, day_before=True
    ),
    "... ten minutes of history": World(after=1.1, history_s=600, rho=0.5, wander=0.05),
    "a demo: 150 s of history, 4/s, at 1.3": World(
        after=1.3, incident=4.0, history_s=150, incident_s=120, rate=4.0
    ),
    "... two requests a second": World(after=1.1, rate=2.0, rho=0.5, wander=0.05),
    "improved, 1.3 times": World(after=1.3, rho=0.8, wander=0.1),
    "fewer of the expensive requests": World(after=1.3, expensive=(0.4, 0.1), rho=0.5, wander=0.05),
    "a surge that subsides by itself": World(
        incident=1.3, after=1.3, surge=1.6, control=True, rho=0.5, wander=0.05
    ),
    "it fades to 1.15 times": World(after=1.15, settle_s=120, rho=0.5, wander=0.05),
    "errors at the tolerance": World(errors=True, after=0.00875),
    "... a demo: 200 s of history, 5/s": World(
        errors=True, after=0.0125, history_s=200, incident_s=120, rate=5.0
    ),
}
TRUE = {
    "3 times, then as before": World(),
    "... AR(1) 0.5 a minute, 5 %": World(rho=0.5, wander=0.05),
    "... AR(1) 0.8 a minute, 10 %": World(rho=0.8, wander=0.1),
    "... ten minutes of history": World(history_s=600, rho=0.5, wander=0.05),
    "a demo: 150 s of history, 4/s": World(incident=4.0, history_s=150, incident_s=120, rate=4.0),
    "... two requests a second": World(rate=2.0, rho=0.5, wander=0.05),
    "... beside a control, shared noise": World(control=True, rho=0.8, wander=0.1),
    "1.3 times, then as before": World(incident=1.3, rho=0.5, wander=0.05),
    "it takes two minutes to fade": World(settle_s=40, rho=0.5, wander=0.05),
    "errors 8 %, then 0.5 %": World(errors=True, after=1.0),
    "... a demo: 200 s of history, 5/s": World(
        errors=True, after=1.0, history_s=200, incident_s=120, rate=5.0
    ),
}


def measure(
    worlds: dict[str, World], streams: int, say: Callable[[str], None], *, title: str
) -> dict[str, tuple[float, float]]:
    """Returns for each world the share of streams called recovered, and the median time to it."""
    found: dict[str, tuple[float, float]] = {}
    say(f"\n{title:<40} recovered  median    90 %  relapsed")
    for number, (name, world) in enumerate(worlds.items()):
        dice = np.random.default_rng(1000 + number)
        results = [watch(draw(world, dice)) for _ in range(streams)]
        times = sorted(at for _, at, _ in results if at == at)
        share, relapsed = len(times) / streams, sum(back for *_, back in results) / streams
        median = times[len(times) // 2] if times else float("nan")
        late = times[len(times) * 9 // 10] if times else float("nan")
        say(f"{name:<40} {share:9.1%} {median:6.0f} s {late:6.0f} s {relapsed:8.1%}")
        found[name] = share, median
    return found


def run() -> list[Row]:
    """Prints how often a fix is wrongly called proved, and how long a true one takes."""
    streams = int(os.environ.get("VARIO_BENCH_STREAMS", "100"))
    wrong = measure(FALSE, streams, print, title=f"in truth not recovered ({streams} streams)")
    right = measure(TRUE, streams, print, title=f"in truth recovered ({streams} streams)")
    rows = [Row(f"called recovered: {k}", 100 * v, "%", "<= 1") for k, (v, _) in wrong.items()]
    return rows + [Row(f"median time: {k}", at, "s") for k, (_, at) in right.items()]
