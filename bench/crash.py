"""SIGKILL under load at random moments, again and again on one folder: is anything missing?

`VARIO_BENCH_ROUNDS` says how often (200), `VARIO_BENCH_SECONDS` how long at most. Every door has a
client; what was acknowledged in a round is looked for after the next start, and all rounds of a
folder once more at its end.
"""

import os
import random
import signal
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.support.server import Process

from bench.acknowledged import START_S, Senders, find_missing, unfolded
from bench.report import Row

ROUNDS = int(os.environ.get("VARIO_BENCH_ROUNDS", "200"))
SECONDS = float(os.environ.get("VARIO_BENCH_SECONDS", "3600"))
SEED = int(os.environ.get("VARIO_BENCH_SEED", "7"))


def run() -> list[Row]:
    """Kills a server in every round and counts what was acknowledged and what is gone."""
    with tempfile.TemporaryDirectory() as folder:
        report = kill_rounds(Path(folder), ROUNDS, seed=SEED, seconds=SECONDS)
    note = f"{report['rounds']:g} rounds, 8 clients, seed {SEED}"
    return [
        Row("acknowledged requests", report["acknowledged"], "requests", note=note),
        Row("of them items missing", report["missing"], "items", "0"),
        Row("told to come again", report["refused"], "requests"),
        Row("start after a kill, median", report["start_s"], "s", "3"),
    ]


def kill_rounds(folder: Path, rounds: int, *, seed: int, seconds: float = 3600) -> dict[str, float]:
    """Returns the counts of `rounds` kills of one server over `folder`, fewer if time is up.

    Raises:
        AssertionError: a client got an answer that it should not, or a door stood still.
    """
    dice = random.Random(seed)
    server = Process(folder, unfolded(folder))
    done: list[Senders] = []
    missing, starts = 0, list[float]()
    deadline = time.monotonic() + seconds
    try:
        for number in range(rounds):
            if time.monotonic() > deadline:
                break
            begun = time.monotonic()
            server.start(START_S)
            starts.append(time.monotonic() - begun)
            if done:
                missing += _lost(server, done[-1])
            senders = Senders(server.addresses, number)
            senders.wait_for(1)
            # Anywhere in the inserts, merges and acknowledgements that follow.
            time.sleep(dice.uniform(0, 1.0))
            server.end(signal.SIGKILL)
            senders.end()
            assert not senders.faults, senders.faults
            done.append(senders)
        server.start(START_S)
        missing = max(missing, sum(_lost(server, senders) for senders in done))
    finally:
        if server.running:
            server.end()
    return {
        "rounds": len(done),
        "acknowledged": sum(senders.count() for senders in done),
        "missing": missing,
        "refused": sum(senders.refused for senders in done),
        "start_s": median(starts),
    }


def _lost(server: Process, senders: Senders) -> int:
    lost = find_missing(server.addresses.api, senders.round_number, senders.acknowledged)
    for door, items in lost.items():
        print(f"round {senders.round_number}: {door} lost {len(items)}: {items[:5]}")
    return sum(map(len, lost.values()))
