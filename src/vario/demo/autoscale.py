"""The offline path's autoscaler: `python -m vario.demo.autoscale`.

It starts and stops real processes, by the rule of Kubernetes' horizontal pod autoscaler: as many
replicas as it takes for each to be occupied by its target, with a tolerance, and fewer only when
that has held for a while.
"""

import argparse
import logging
import math
import signal
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx

import vario
from vario.demo.knobs import REPLICAS, replace_json
from vario.demo.processes import Child, bound_socket, is_listening, stop_in_order

SERVICE = "ml-infer-offline"
LEAST, MOST = 2, 4
TARGET, TOLERANCE = 0.85, 0.1
EVERY_S, SETTLE_S, COOL_S = 2.0, 12.0, 30.0
LOG = logging.getLogger("autoscaler")


def find_desired(replicas: int, occupancy: float) -> int:
    """Returns how many replicas there should be, for so many are occupied by that share on average.

    Kubernetes' documentation, "Horizontal Pod Autoscaling", section "Algorithm details".
    """
    ratio = occupancy / TARGET
    wanted = replicas if abs(ratio - 1) <= TOLERANCE else math.ceil(replicas * ratio)
    return min(MOST, max(LEAST, wanted))


class Scaling:
    """Decides when the number of replicas changes.

    Args:
        now_s: what time it is, in seconds.
    """

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._changed_s = now_s()
        self._wanted: deque[tuple[float, int]] = deque()

    def decide(self, replicas: int, occupancy: float) -> int:
        """Returns how many replicas there should be from now on."""
        now_s = self._now_s()
        self._wanted.append((now_s, find_desired(replicas, occupancy)))
        while self._wanted[0][0] < now_s - COOL_S:
            self._wanted.popleft()
        if now_s - self._changed_s < SETTLE_S:
            return replicas
        latest = self._wanted[-1][1]
        most_lately = max(wanted for _, wanted in self._wanted)
        if latest > replicas:
            return self._change(replicas + 1)
        if most_lately < replicas and now_s - self._changed_s >= COOL_S:
            return self._change(replicas - 1)
        return replicas

    def _change(self, replicas: int) -> int:
        self._changed_s = self._now_s()
        return replicas


@dataclass(frozen=True)
class _Replica:
    child: Child
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class Autoscaler:
    """Runs the replicas of the offline path.

    Args:
        folder: of what the demo's processes share; the replicas' addresses are written there.
        logs: folder of what they print.
        region: where they run.
    """

    def __init__(self, folder: Path, logs: Path, region: str) -> None:
        self._folder, self._logs, self._region = folder, logs, region
        self._replicas: list[_Replica] = []
        self._count = 0
        self._scaling = Scaling()

    def run(self, stop: threading.Event) -> None:
        """Scales until it is told to stop; the replicas end with it."""
        try:
            for _ in range(LEAST):
                self._start()
            with httpx.Client(timeout=2, trust_env=False) as client:
                while not stop.wait(EVERY_S):
                    try:
                        self._step(client)
                    except httpx.HTTPError as error:
                        LOG.warning("a replica did not say how busy it is: %s", error)
        finally:
            stop_in_order([[replica.child for replica in self._replicas]])

    def _step(self, client: httpx.Client) -> None:
        serving = [replica for replica in self._replicas if is_listening(replica.port)]
        replace_json(self._folder / REPLICAS, [replica.url for replica in serving])
        loads = [client.get(f"{replica.url}/load").json() for replica in serving]
        vario.gauge("replicas", len(self._replicas), deployment=SERVICE)
        waiting = sum(load["in_flight"] for load in loads)
        vario.gauge("inference_queue_depth", waiting, deployment=SERVICE)
        if len(serving) < len(self._replicas):
            return  # one is starting: what it will take over is not known yet
        occupancy = sum(load["occupancy"] for load in loads) / len(loads)
        before = len(serving)
        after = self._scaling.decide(before, occupancy)
        if after != before:
            LOG.info(
                "%s scales from %d to %d replicas: they are %.0f%% occupied",
                SERVICE, before, after, 100 * occupancy,
            )  # fmt: skip
            self._start() if after > before else self._stop()

    def _start(self) -> None:
        self._count += 1
        own = bound_socket()
        port = own.getsockname()[1]
        name = f"{SERVICE}-{self._count}"
        command = ["vario.demo.serve", SERVICE, "--socket", str(own.fileno())]
        command += ["--region", self._region, "--folder", str(self._folder)]
        command += ["--log", str(self._logs / f"{name}.jsonl")]
        child = Child(name, command, self._logs / f"{name}.out", sockets=[own])
        self._replicas.append(_Replica(child, port))

    def _stop(self) -> None:
        """Takes the youngest replica away, once it has answered what it was asked."""
        leaving = self._replicas.pop()
        replace_json(self._folder / REPLICAS, [replica.url for replica in self._replicas])
        leaving.child.ask_to_stop()
        threading.Thread(target=leaving.child.wait, name="leaving", daemon=True).start()


def main() -> None:
    """Scales until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True, help="of what processes share")
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--region", required=True)
    options = parser.parse_args()
    vario.configure(service="autoscaler", version="1.0", region=options.region, stdout=False)
    logging.basicConfig(level=logging.INFO, handlers=[logging.NullHandler()])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    Autoscaler(options.folder, options.logs, options.region).run(stop)


if __name__ == "__main__":
    main()
