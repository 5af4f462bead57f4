"""The alert desk against a simple model, through random histories with restarts and kills."""

import json
import random

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.conftest import START_NS
from tests.support.alert_log import MemoryAlertLog

from vario.alert.book import RuleAlerts
from vario.alert.desk import AlertDesk, Surroundings
from vario.alert.notify.matchers import parse_matcher
from vario.alert.notify.mute import Silence
from vario.alert.notify.send import DELIVERED, Outcome
from vario.alert.notify.settings import Receiver, read_notify_settings
from vario.alert.rulefile import Rule, RuleGroup
from vario.alert.state import Alert, Patience, advance
from vario.clock import ManualClock
from vario.model.alert import Delivery
from vario.query.promql.matching import label_set

S = 10**9
NAMES = ("A", "B", "C")
REPEAT_S = 3600
RECEIVERS = f"""
receivers: [{{name: hook, type: webhook, url: "http://nowhere.invalid"}}]
route:
  receiver: hook
  group_by: [team]
  group_wait: 10s
  group_interval: 60s
  repeat_interval: {REPEAT_S}s
"""


class Killed(BaseException):
    """The process dies in the middle of something."""


class Model:
    """One alert, in as few words as possible."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.since_ns: int | None = None
        self.firing = False
        self.kept_ns: int | None = None

    def step(self, found: bool, now_ns: int) -> None:
        if found:
            self.since_ns = now_ns if self.since_ns is None else self.since_ns
            self.firing = self.firing or now_ns - self.since_ns >= self.patience.for_ns
            self.kept_ns = None
            return
        if self.firing and self.patience.keep_firing_ns:
            self.kept_ns = now_ns if self.kept_ns is None else self.kept_ns
            if now_ns - self.kept_ns < self.patience.keep_firing_ns:
                return
        self.firing, self.since_ns, self.kept_ns = False, None, None

    def restart(self) -> None:
        """What fires goes on; the rest begins anew (here nothing restores the `for`)."""
        if not self.firing:
            self.since_ns = None


class DeskMachine(RuleBasedStateMachine):
    """Evaluations, time, silences, a receiver that breaks, restarts, and kills while sending."""

    @initialize(wait=st.sampled_from([0, 30]), keep=st.sampled_from([0, 45]))
    def begin(self, wait: int, keep: int) -> None:
        self.clock = ManualClock(START_NS)
        self.log = MemoryAlertLog()
        self.patience = Patience(wait * S, keep * S)
        self.group = RuleGroup(
            "r.yml",
            "g",
            tuple(Rule("alerting", name, "m", labels={"team": "ml"}) for name in NAMES),
        )
        self.models = {name: Model(self.patience) for name in NAMES}
        self.found: set[str] = set()
        self.broken = False
        self.dies = False
        self.believed: set[str] = set()
        self.received: dict[str, tuple[str, int]] = {}
        self.unnoted: set[str] = set()  # told, and the process killed before it knew
        self.silenced: str | None = None
        self.desk = self.make()
        self.alerts = {name: {} for name in NAMES}

    def make(self) -> AlertDesk:
        surroundings = Surroundings("http://vario", dice=random.Random(0), send=self.receive)
        desk = AlertDesk(self.log, read_notify_settings(RECEIVERS, {}), self.clock, surroundings)
        desk.load()
        return desk

    def receive(self, _: Receiver, delivery: Delivery, now_ns: int) -> Outcome:
        """The receiver: believes what it is told, and wants news, or a reminder in due time."""
        if self.broken:
            return Outcome("again", "HTTP 500")
        alerts = json.loads(delivery.message)["alerts"]
        told = {alert["labels"]["alertname"]: alert["status"] for alert in alerts}
        if delivery.id in self.received:
            assert delivery.id in self.unnoted, "told twice without a kill between"
        else:
            before = set(self.believed)
            self.believed |= {name for name, status in told.items() if status == "firing"}
            self.believed -= {name for name, status in told.items() if status == "resolved"}
            if self.believed == before:
                assert delivery.reason == "repeat", told
                assert now_ns - max(at for _, at in self.received.values()) >= REPEAT_S * S
            self.received[delivery.id] = (delivery.reason, delivery.created_ns)
        self.unnoted.discard(delivery.id)
        if self.dies:
            self.unnoted.add(delivery.id)
            raise Killed
        return DELIVERED

    def evaluate(self) -> None:
        now_ns = self.clock.now_ns()
        reports = []
        for one in self.group.rules:
            labels = {**one.labels, "alertname": one.name}
            fresh = {label_set(labels): Alert(labels, {}, 1.0, now_ns)}
            there = fresh if one.name in self.found else {}
            advanced = advance(self.alerts[one.name], there, now_ns, self.patience)
            self.alerts[one.name] = dict(advanced.alerts)
            reports.append(RuleAlerts(one, advanced.alerts))
            self.models[one.name].step(one.name in self.found, now_ns)
        self.desk.observe(self.group, reports, now_ns)

    def tick(self) -> None:
        try:
            self.desk.tick()
        except Killed:
            self.dies = False
            self.start_again()

    def start_again(self) -> None:
        self.desk = self.make()
        self.alerts = {one.name: self.desk.recall(self.group, one) for one in self.group.rules}
        for model in self.models.values():
            model.restart()

    def run(self, seconds: int, step: int) -> None:
        for _ in range(0, seconds, step):
            self.evaluate()
            self.tick()
            self.clock.advance_ns(step * S)

    @rule(found=st.sets(st.sampled_from(NAMES)), seconds=st.integers(1, 40))
    def find(self, found: set[str], seconds: int) -> None:
        self.found = found
        self.run(seconds, 10)

    @rule(seconds=st.integers(60, 600))
    def wait(self, seconds: int) -> None:
        self.run(seconds, 20)

    @rule()
    def restart(self) -> None:
        self.desk.stop()
        self.start_again()

    @rule()
    def is_killed_while_it_sends(self) -> None:
        self.dies = True

    @rule()
    def receiver_breaks(self) -> None:
        self.broken = True

    @rule()
    def receiver_works(self) -> None:
        self.broken = False

    @rule(name=st.sampled_from(NAMES))
    def silence(self, name: str) -> None:
        if self.silenced is None:
            now_ns = self.clock.now_ns()
            matcher = parse_matcher(f"alertname={name}")
            wanted = Silence("", (matcher,), now_ns, now_ns + 10**6 * S, "ada", "test")
            self.silenced = self.desk.decisions.put_silence(wanted).id

    @rule()
    def unsilence(self) -> None:
        if self.silenced is not None:
            self.desk.decisions.expire_silence(self.silenced)
            self.silenced = None

    @rule()
    def everything_calms_down(self) -> None:
        """Nothing changes for a while, all works: the receiver knows exactly what fires."""
        self.broken, self.dies = False, False
        self.unsilence()
        self.run(1000, 20)
        firing = {name for name in NAMES if self.models[name].firing}
        assert self.believed & set(NAMES) == firing  # beside alerts about vario itself

    @invariant()
    def the_desk_shows_what_the_model_says(self) -> None:
        views = {view.event.name: view.event for view in self.desk.views()}
        shown = {name for name in NAMES if name in views and views[name].state == "firing"}
        assert shown == {name for name, model in self.models.items() if model.firing}

    @invariant()
    def the_log_knows_what_the_desk_knows(self) -> None:
        kept = {e.name for e in self.log.find_latest_alerts(2**62) if e.state == "firing"}
        assert kept & set(NAMES) == {name for name, model in self.models.items() if model.firing}

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            self.desk.stop()


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(
    max_examples=20,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],  # a machine may be busy
)
