"""The demo's incidents, from a clean store to the verdict on their fix, and controls beside them.

::

    python -m bench incidents                                  # one run of each incident
    BENCH_SEEDS=0-9 BENCH_SLOTS=2 python -m bench incidents    # ten of each, two at a time
    BENCH_SCENES=cost-spike,daily-wave BENCH_SEEDS=4 python -m bench incidents

Each run starts `vario demo` on a folder of its own, waits until it has been well for some minutes,
lets it break, waits for the alert that should tell it, reads what the incident says is the cause a
minute and a half later, has it mended, and waits for the verdict. Results are added to
`incidents.jsonl` beside this file; the table in `docs/incidents-demo.md` is made of the newest run
of each seed.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import httpx

from bench.report import Row, machine
from vario.demo.scenes import CONTROLS, INCIDENTS

RESULTS = Path(__file__).parent / "incidents.jsonl"
PAGE = Path(__file__).parent.parent / "docs" / "incidents-demo.md"
BEGIN, END = "<!-- table: python -m bench incidents -->", "<!-- end of table -->"

WARM_S = 180.0
READ_AFTER_S = 90.0
CONTROL_S = 150.0
START_S, ALERT_S, VERDICT_S = 240.0, 300.0, 420.0
_POLL_S = 2.0
_ASKED = (
    {"service": "ml-infer"},
    {"service": "ml-infer", "symptom": "latency"},
    {"service": "ml-infer", "symptom": "errors"},
    {"service": "ml-infer", "symptom": "quality"},
    {"service": "ml-infer-offline", "symptom": "cost"},
    {"service": "gateway"},
)
"""What somebody asks who only wonders whether all is well."""


@dataclass(frozen=True)
class Expected:
    """What an incident should be told by: the alert's labels, and words of the first finding."""

    alert: Mapping[str, str]
    words: tuple[str, ...]


EXPECTED = {
    "latency-surge": Expected(
        {"slo": "ml-infer-latency", "region": "us-east"},
        ("ml-infer.encode_features", "cache", "us-east"),
    ),
    "silent-release": Expected(
        {"slo": "ml-infer-session-length", "region": "eu-west"},
        ("session_length", "eu-west", "v23.1"),
    ),
    "cost-spike": Expected({"alertname": "GpuWaste"}, ("batch_size", "offline")),
    "region-timeouts": Expected(
        {"slo": "ml-infer-errors", "region": "eu-west"}, ("feature-store", "eu-west")
    ),
}


@dataclass
class Result:
    """One run. Seconds are counted from when it broke, or from the fix; None for never."""

    scene: str
    seed: int
    machine: str = ""
    alert_s: float | None = None
    cause_s: float | None = None
    first: str = ""
    finding: str = ""
    names_cause: bool = False
    verdict: str = ""
    confidence: float = 0.0
    too_early: bool = False
    recovered_s: float | None = None
    fix_verdict: str = ""
    asked: int = 0
    accused: int = 0
    accusations: str = ""
    alerts: str = ""
    took_s: float = 0.0
    fault: str = ""


class Demo:
    """A running demo of a run's own."""

    def __init__(self, scene: str, seed: int, folder: Path) -> None:
        self.folder = folder
        free = ["--port", "0", "--otlp-http-port", "0", "--otlp-grpc-port", "0"]
        # Through `child`, so that it ends with this process, however that ends.
        command = [
            sys.executable,
            "-m",
            "vario.demo.child",
            "vario.cli",
            "demo",
            "--no-open",
            *free,
        ]
        command += ["--data", str(folder), "--incident", scene, "--seed", str(seed)]
        command += ["--incident-after", str(WARM_S)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.said: list[str] = []
        self._url = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip())
            if line.startswith("vario is live: "):
                self._url = line.split()[-1]

    def get(self, path: str, **params: Any) -> Any:
        """Returns an answer of its API."""
        answer = httpx.get(f"{self._url}{path}", params=params, timeout=60, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Returns an answer of its API."""
        answer = httpx.post(f"{self._url}{path}", json=body, timeout=120, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def wait(self, timeout_s: float, find: Callable[[], Any]) -> Any:
        """Returns what is found first, None after some time."""
        deadline_s = time.monotonic() + timeout_s
        while time.monotonic() < deadline_s:
            if self.process.poll() is not None:
                raise RuntimeError("the demo ended:\n" + "\n".join(self.said[-15:]))
            with suppress(httpx.TimeoutException):
                if found := find():
                    return found
            time.sleep(_POLL_S)
        return None

    def wait_until_broken(self) -> float:
        """Returns when it broke, in seconds since the epoch."""
        told = self.folder / "incident.json"
        if not self.wait(START_S + WARM_S, told.exists):
            raise RuntimeError("nothing broke:\n" + "\n".join(self.said[-15:]))
        at: float = json.loads(told.read_text(encoding="utf-8"))["at"]
        return at

    def fix(self) -> float:
        """Mends it, and returns when it was mended, in seconds since the epoch."""
        command = [sys.executable, "-m", "vario.cli", "demo", "--fix", "--data", str(self.folder)]
        subprocess.run(command, check=True, capture_output=True, timeout=240)
        told = json.loads((self.folder / "incident-fixed.json").read_text(encoding="utf-8"))
        at: float = told["at"]
        return at


@contextmanager
def running_demo(scene: str, seed: int) -> Iterator[Demo]:
    """Runs a demo until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="vario-bench-") as folder:
        demo = Demo(scene, seed, Path(folder))
        try:
            yield demo
        finally:
            demo.process.send_signal(signal.SIGINT)
            demo.process.wait(90)


def run_incident(scene: str, seed: int) -> Result:
    """Returns how one incident went, from the start to the verdict on its fix."""
    result, expected = Result(scene, seed), EXPECTED[scene]
    with running_demo(scene, seed) as demo:
        broke_s = demo.wait_until_broken()
        alert = demo.wait(ALERT_S, lambda: find_alert(demo, expected.alert))
        result.alerts = ", ".join(sorted(name_firing(demo)))
        if alert is None:
            return result
        result.alert_s = time.time() - broke_s
        incident = demo.wait(ALERT_S, lambda: find_incident(demo, alert))
        if incident is None:
            return result
        result.cause_s = time.time() - broke_s
        result.first = find_finding(incident)
        time.sleep(max(0.0, READ_AFTER_S - (time.time() - broke_s - result.alert_s)))
        incident = demo.get(f"/api/incidents/{incident['id']}")
        investigation = incident["investigation"]
        result.finding, result.verdict = find_finding(incident), investigation["verdict"]
        result.confidence = max((one["confidence"] for one in investigation["findings"]), default=0)
        told = f"{result.finding} {incident['scope']} {investigation['scope']}"
        result.names_cause = all(word in told for word in expected.words)
        result.too_early = read_fix(incident) == "recovered"
        fixed_s = demo.fix()
        path = f"/api/incidents/{incident['id']}"

        def is_recovered() -> bool:
            result.fix_verdict = read_fix(demo.get(path))
            return result.fix_verdict == "recovered"

        if demo.wait(VERDICT_S, is_recovered):
            result.recovered_s = time.time() - fixed_s
    return result


def run_control(scene: str, seed: int) -> Result:
    """Returns how often a cause was named with high confidence where nothing is wrong."""
    result = Result(scene, seed)
    with running_demo(scene, seed) as demo:
        demo.wait_until_broken()
        time.sleep(CONTROL_S)
        result.alerts = ", ".join(sorted(name_firing(demo)))
        accusations: list[str] = []
        for asked in _ASKED:
            answer = demo.post("/api/investigate", asked)
            result.asked += 1
            if answer["verdict"] == "explained":
                accusations.append(f"{asked}: {tell(answer)}")
        result.accused, result.accusations = len(accusations), "; ".join(accusations)
    return result


def find_alert(demo: Demo, labels: Mapping[str, str]) -> Any:
    """Returns the firing alert with these labels, None while there is none."""
    for alert in demo.get("/api/alerts")["alerts"]:
        if alert["state"] == "firing" and labels.items() <= alert["labels"].items():
            return alert
    return None


def name_firing(demo: Demo) -> set[str]:
    """Returns the alerts that fire, by name and region."""
    firing = [one for one in demo.get("/api/alerts")["alerts"] if one["state"] == "firing"]
    return {f"{one['name']} {one['labels'].get('region', '')}".strip() for one in firing}


def find_incident(demo: Demo, alert: Any) -> Any:
    """Returns the incident of an alert once it was investigated, None before."""
    for told in demo.get("/api/incidents", state="all")["incidents"]:
        if alert["id"] in told["alert_ids"]:
            incident = demo.get(f"/api/incidents/{told['id']}")
            return incident if incident["investigation"] else None
    return None


def find_finding(incident: Any) -> str:
    """Returns the first finding of an incident: its subject and its sentence."""
    return tell(incident["investigation"])


def tell(investigation: Any) -> str:
    """Returns the first finding of an investigation: its subject and its sentence."""
    if not investigation["findings"]:
        return ""
    first = investigation["findings"][0]
    subject = ", ".join(f"{name}={value}" for name, value in first["subject"].items())
    return f"{first['kind']} {subject}: {first['statement']}"


def read_fix(incident: Any) -> str:
    """Returns the verdict on an incident's fix, empty where none is claimed."""
    verification = incident["verification"]
    return verification["verdict"] if verification else ""


def run_one(scene: str, seed: int) -> Result:
    """Returns one run, and keeps it; a fault of the run is a result, too."""
    begun_s = time.monotonic()
    try:
        result = (run_incident if scene in INCIDENTS else run_control)(scene, seed)
    except (RuntimeError, httpx.HTTPError, subprocess.SubprocessError, KeyError) as error:
        result = Result(scene, seed, fault=f"{type(error).__name__}: {error}")
    result.took_s = time.monotonic() - begun_s
    result.machine = machine()
    with RESULTS.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(result)) + "\n")
    print(f"  {result}", file=sys.stderr, flush=True)
    return result


def read_results() -> list[Result]:
    """Returns the newest run of each scene and seed."""
    known = {one.name for one in fields(Result)}
    newest: dict[tuple[str, int], Result] = {}
    if RESULTS.exists():
        for line in RESULTS.read_text(encoding="utf-8").splitlines():
            told = {name: value for name, value in json.loads(line).items() if name in known}
            newest[told["scene"], told["seed"]] = Result(**told)
    return list(newest.values())


def make_table(results: list[Result]) -> str:
    """Returns the runs as two tables in Markdown."""
    lines = [
        "| incident | runs | right alert | after | first finding names the cause | `recovered` |"
        " after the fix | before it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scene in INCIDENTS:
        runs = [one for one in results if one.scene == scene]
        cells = [
            str(len(runs)),
            str(sum(one.alert_s is not None for one in runs)),
            middle([one.alert_s for one in runs]),
            str(sum(one.names_cause for one in runs)),
            str(sum(one.recovered_s is not None for one in runs)),
            middle([one.recovered_s for one in runs]),
            str(sum(one.too_early for one in runs)),
        ]
        lines.append(f"| {scene} | {' | '.join(cells)} |")
    lines += ["", "| control | runs | investigations | that name a cause | alerts |"]
    lines += ["|---|---|---|---|---|"]
    for scene in CONTROLS:
        runs = [one for one in results if one.scene == scene]
        asked, accused = sum(one.asked for one in runs), sum(one.accused for one in runs)
        alerts = sum(bool(one.alerts) for one in runs)
        lines.append(f"| {scene} | {len(runs)} | {asked} | {accused} | {alerts} |")
    machines = sorted({one.machine for one in results})
    return "\n".join([*lines, "", *(f"Measured on: {one}." for one in machines)])


def middle(seconds: list[float | None]) -> str:
    """Returns the median in words, a dash where there is nothing."""
    there = sorted(value for value in seconds if value is not None)
    return f"{there[len(there) // 2]:.0f} s" if there else "–"


def write_page(results: list[Result]) -> None:
    """Puts the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n\n{make_table(results)}\n\n{END}{after}", encoding="utf-8")


def run() -> Iterator[Row]:
    """Runs what the environment asks for, writes the table, and yields it as rows."""
    scenes = os.environ.get("BENCH_SCENES", ",".join(INCIDENTS)).split(",")
    first, _, last = os.environ.get("BENCH_SEEDS", "0").partition("-")
    wanted = [(scene, seed) for seed in range(int(first), int(last or first) + 1)
              for scene in scenes]  # fmt: skip
    with ThreadPoolExecutor(int(os.environ.get("BENCH_SLOTS", "1"))) as slots:
        done = list(slots.map(lambda one: run_one(*one), wanted))
    write_page(read_results())
    for scene in scenes:
        runs = [one for one in done if one.scene == scene]
        if scene in INCIDENTS:
            named = sum(one.names_cause for one in runs)
            mended = sum(one.recovered_s is not None and not one.too_early for one in runs)
            yield Row(f"{scene}: cause named first", named / len(runs), "of runs", ">= 0.95")
            yield Row(f"{scene}: recovered after the fix", mended / len(runs), "of runs", ">= 0.95")
        else:
            asked = max(1, sum(one.asked for one in runs))
            accused = sum(one.accused for one in runs)
            yield Row(f"{scene}: causes named", accused / asked, "of investigations", "<= 0.01")
