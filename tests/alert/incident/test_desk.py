"""The incident desk by a clock moved by hand: what opens, joins, is proved, ends and comes back."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from tests.conftest import START_NS
from tests.support.incident_log import MemoryIncidentLog

from vario.alert.incident.desk import IncidentDesk
from vario.alert.incident.seams import IncidentSeams
from vario.clock import ManualClock
from vario.config import IncidentSettings
from vario.errors import BadData, NotFound, Unavailable
from vario.model.alert import AlertEvent
from vario.model.investigation import (
    FixVerdict,
    Incident,
    Investigation,
    Question,
    Verdict,
    Verification,
)
from vario.model.marker import Marker
from vario.model.telemetry import TimeRange

S = 10**9
MINUTE = 60 * S


@dataclass
class House:
    """A desk, what fires, and what an investigation and a proof would say."""

    clock: ManualClock
    log: MemoryIncidentLog = field(default_factory=MemoryIncidentLog)
    firing: dict[str, AlertEvent] = field(default_factory=dict)
    verdict: FixVerdict = "too_early"
    answer: Verdict = "explained"
    asked: list[tuple[str, int]] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)
    muted: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Begins, or begins again after a restart."""
        self.desk = IncidentDesk(
            self.log,
            IncidentSettings(),
            self.clock,
            IncidentSeams(
                investigate=self.investigate,
                verify=self.verify,
                find_markers=lambda window, _service: [
                    one for one in self.markers if window.start_ns <= one.time_ns < window.end_ns
                ],
                tell=lambda incident, what, _now_ns: self.told.append((incident.id, what)),
                acknowledge=self.acknowledged.__setitem__,
                withdraw=self.acknowledged.__delitem__,
            ),
        )
        self.desk.load()

    def investigate(
        self, incident: Incident, _alerts: Sequence[AlertEvent], now_ns: int
    ) -> Investigation:
        self.asked.append((incident.id, (now_ns - START_NS) // S))
        window = TimeRange(now_ns - MINUTE, now_ns)
        question = Question(incident.service, window)
        return Investigation(
            "ab" * 8, question, self.answer, now_ns, window, window, (f"cache {self.answer}",)
        )

    def verify(
        self, incident: Incident, _alerts: Sequence[AlertEvent], now_ns: int
    ) -> Verification:
        assert incident.verification is not None
        return replace(
            incident.verification, verdict=self.verdict, checked_ns=now_ns, statement="as said"
        )

    def fire(self, id_: str, **labels: str) -> None:
        now_ns = self.clock.now_ns()
        labels = {"alertname": id_, "severity": "page", "service": "ml-infer", **labels}
        self.firing[id_] = AlertEvent(
            id_, now_ns, now_ns, "r;g;a", id_, "firing", labels, {}, 1.0, now_ns, now_ns
        )

    def end(self, id_: str) -> None:
        now_ns = self.clock.now_ns()
        self.firing[id_] = replace(self.firing[id_], state="resolved", resolved_ns=now_ns)

    def run(self, seconds: int = 10, step: int = 10) -> None:
        for _ in range(0, seconds, step):
            self.clock.advance_ns(step * S)
            events = list(self.firing.values())
            self.desk.observe(events, self.muted, self.clock.now_ns())
            self.desk.step()

    def only(self) -> Incident:
        (incident,) = self.desk.incidents()
        return incident

    def moments(self) -> list[tuple[str, str]]:
        return [(moment.kind, moment.text) for moment in self.only().timeline]


@pytest.fixture
def house(clock: ManualClock) -> House:
    return House(clock)


def test_alerts_of_a_service_and_time_are_one_incident(house: House) -> None:
    house.fire("slow-ticket", severity="ticket", region="us-east", team="ml")
    house.run()
    house.fire("slow-page", region="us-east", slo="latency")
    house.fire("elsewhere", region="eu-west")
    house.fire("other", service="gateway")
    house.run()
    first, other = house.desk.incidents()
    assert first.alert_ids == ("slow-ticket", "elsewhere", "slow-page")
    assert (first.severity, first.scope, first.owner) == ("page", {}, "ml")
    assert first.title == "elsewhere (ml-infer)"
    assert other.service == "gateway"
    assert house.told == [
        (first.id, "opened"),
        (first.id, "explained"),
        (other.id, "opened"),
        (other.id, "explained"),
    ]
    assert house.desk.incident_of("slow-page") == first.id
    assert house.desk.incident_of("unknown") == ""


def test_one_region_later_is_an_incident_of_its_own(house: House) -> None:
    house.fire("east", region="us-east")
    house.run()
    house.clock.advance_ns(20 * MINUTE)
    house.fire("west", region="eu-west")
    house.run()
    assert [one.scope for one in house.desk.incidents()] == [
        {"region": "us-east"},
        {"region": "eu-west"},
    ]


def test_silenced_alerts_and_those_of_no_grave_severity_open_none(house: House) -> None:
    house.fire("quiet")
    house.muted = {"quiet"}
    house.fire("info", severity="info")
    house.run()
    assert house.desk.incidents() == []


def test_it_is_investigated_at_once_and_again_as_data_arrives(house: House) -> None:
    house.fire("slow")
    house.run(1200)
    assert [at for _, at in house.asked] == [10, 60, 300, 900]
    asked = len(house.asked)
    house.desk.investigate(house.only().id)
    assert len(house.asked) == asked + 1
    assert house.moments()[:3] == [
        ("opened", "opened for ml-infer"),
        ("alert", "slow fires"),
        ("finding", "cache explained"),
    ]


def test_a_person_claims_a_fix_and_it_is_proved(house: House) -> None:
    house.fire("slow")
    house.run(60)
    with pytest.raises(BadData, match="future"):
        house.desk.claim_fix(house.only().id, house.clock.now_ns() + MINUTE * 2, "ada")
    house.desk.claim_fix(house.only().id, house.clock.now_ns(), "ada", "cache made larger")
    assert house.only().state == "verifying"
    house.run(30)
    assert house.only().state == "verifying"
    house.verdict = "recovered"
    house.run(20)
    over = house.only()
    assert (over.state, over.resolved_ns > 0) == ("resolved", True)
    assert house.told[-1] == (over.id, "recovered")
    assert [kind for kind, _ in house.moments()] == [
        "opened", "alert", "finding", "fix", "verdict", "resolved"
    ]  # fmt: skip


def test_alerts_that_end_claim_a_fix_and_one_that_fires_again_is_a_relapse(house: House) -> None:
    house.fire("slow")
    house.run(60)
    house.end("slow")
    house.verdict = "recovered"
    house.run(20)
    assert house.only().verification is not None
    assert (house.only().state, house.only().verification.source) == ("resolved", "recovery")
    house.fire("slow")
    house.run(10)
    back = house.only()
    assert (back.state, back.relapses, back.verification.verdict) == ("open", 1, "relapsed")
    assert house.told[-2:] == [(back.id, "relapsed"), (back.id, "explained")]
    house.run(100)
    assert back.id in {id_ for id_, _ in house.asked[-2:]}  # it is investigated anew


def test_what_is_not_recovered_is_open_again_and_may_still_recover(house: House) -> None:
    house.fire("slow")
    house.run(20)
    house.desk.claim_fix(house.only().id, house.clock.now_ns(), "ada")
    house.verdict = "not_recovered"
    house.run(20)
    assert house.only().state == "open"
    house.verdict = "recovered"
    house.run(80)
    assert house.only().state == "resolved"


def test_a_relapse_is_seen_by_the_measure_too(house: House) -> None:
    house.fire("slow")
    house.run(20)
    house.desk.claim_fix(house.only().id, house.clock.now_ns(), "ada")
    house.verdict = "recovered"
    house.run(20)
    house.verdict = "relapsed"
    house.run(80)
    assert (house.only().state, house.only().relapses) == ("open", 1)


def test_a_release_or_a_marker_claims_a_fix(house: House) -> None:
    house.fire("slow")
    house.run(60)
    now_ns = house.clock.now_ns()
    cause = Marker("1", START_NS, "release", "v24", "ml-infer")
    elsewhere = Marker("2", now_ns, "release", "g2", "gateway")
    house.markers = [cause, elsewhere]
    house.run()
    assert house.only().verification is None
    house.markers.append(Marker("3", now_ns, "release", "v23 again", "ml-infer"))
    house.run()
    proof = house.only().verification
    assert proof is not None
    assert (proof.source, proof.claimed_ns) == ("release", now_ns)
    house.run(60)
    assert [text for kind, text in house.moments() if kind == "fix"] == ["released: v23 again"]


def test_a_restart_neither_doubles_nor_forgets(house: House) -> None:
    house.fire("slow")
    house.run(100)
    before = house.only()
    house.start()
    assert repr(house.only()) == repr(before)
    house.run(100)
    assert house.only().id == before.id
    assert len(house.told) == 2
    house.desk.claim_fix(before.id, house.clock.now_ns(), "ada")
    house.start()
    house.verdict = "recovered"
    house.run(20)
    house.start()
    house.run(20)
    assert house.only().state == "resolved"
    assert [what for _, what in house.told] == ["opened", "explained", "recovered"]
    assert [at for _, at in house.asked] == [10, 60]


def test_nothing_is_lost_while_the_store_cannot_be_written(house: House) -> None:
    house.log.full = True
    house.fire("slow")
    house.run(20)
    assert house.desk.counts().unwritten == 1
    assert "store" in house.desk.counts().errors
    house.log.full = False
    house.run()
    assert house.desk.counts().errors == {}
    house.start()
    assert house.only().alert_ids == ("slow",)


def test_what_fails_is_told_and_tried_again(house: House) -> None:
    def fail(_incident: Incident, _alerts: Sequence[AlertEvent], _now_ns: int) -> Investigation:
        raise Unavailable("the store sleeps")

    house.desk.seams.investigate = fail
    house.fire("slow")
    house.run(20)
    incident = house.only()
    assert house.desk.notes_on(incident.id) == [
        f"investigation of incident {incident.id}: the store sleeps"
    ]
    house.desk.seams.investigate = house.investigate
    house.run(60)
    assert house.desk.notes_on(incident.id) == []
    assert house.desk.counts().investigations == {"failed": 1, "explained": 1}


def test_notes_acknowledgements_and_a_word(house: House) -> None:
    house.fire("slow")
    house.run()
    id_ = house.only().id
    house.desk.acknowledge(id_, "ada")
    assert house.acknowledged == {"slow": "ada"}
    house.desk.add_note(id_, "bob", "restarting")
    house.desk.withdraw_acknowledgement(id_)
    assert house.acknowledged == {}
    house.desk.resolve(id_, "ada", "nothing to see")
    assert house.moments()[-4:] == [
        ("acknowledged", "ada looks after it"),
        ("note", "bob: restarting"),
        ("acknowledged", "nobody looks after it any more"),
        ("resolved", "resolved by ada: nothing to see"),
    ]
    with pytest.raises(BadData, match="already"):
        house.desk.resolve(id_, "ada")
    with pytest.raises(NotFound, match="no incident"):
        house.desk.get("nobody")


def test_a_withdrawn_claim_is_not_made_again(house: House) -> None:
    house.fire("slow")
    house.run(20)
    house.end("slow")
    house.run(20)
    house.desk.withdraw_fix(house.only().id)
    house.run(60)
    assert (house.only().state, house.only().verification) == ("open", None)
    house.run(1900, step=100)
    assert house.only().state == "resolved"  # its alerts have been over for half an hour


def test_an_answer_that_says_less_does_not_take_the_place_of_one_that_says_more(
    house: House,
) -> None:
    house.answer = "partial"
    house.fire("slow")
    house.run(20)
    house.answer = "explained"
    house.run(60)
    house.answer = "no_change"
    house.desk.investigate(house.only().id)
    found = house.only().investigation
    assert found is not None
    assert found.verdict == "explained"
    assert house.moments()[-1] == (
        "finding", "investigated again, which says less now: cache no_change"
    )  # fmt: skip
    house.end("slow")
    house.run(20)
    asked = len(house.asked)
    house.run(400)  # while a fix is being proved, nothing is asked by itself
    assert len(house.asked) == asked
