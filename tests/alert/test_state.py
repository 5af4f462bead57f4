"""The state machine against what may never happen, over random histories."""

from hypothesis import given
from hypothesis import strategies as st

from vario.alert.state import (
    RESOLVED_RETENTION_NS,
    Advanced,
    Alert,
    AlertState,
    Patience,
    advance,
    restore_active,
)

S = 10**9
KEY = (("alertname", "Down"), ("instance", "a"))

steps = st.lists(
    st.tuples(st.integers(min_value=1, max_value=1200), st.booleans()), min_size=1, max_size=60
)
patiences = st.builds(
    lambda wait, keep: Patience(wait * S, keep * S),
    st.sampled_from([0, 1, 60, 300, 3600]),
    st.sampled_from([0, 1, 60, 300, 3600]),
)


def found(now_ns: int, value: float = 1.0, text: str = "") -> Alert:
    return Alert(dict(KEY), {"summary": text}, value, now_ns)


def history(
    changes: list[tuple[int, bool]], patience: Patience
) -> list[tuple[int, bool, Advanced]]:
    """Runs evaluations `delta` seconds apart, each finding the alert or not."""
    now_ns, alerts, out = 0, {}, []
    for delta, there in changes:
        now_ns += delta * S
        advanced = advance(alerts, {KEY: found(now_ns)} if there else {}, now_ns, patience)
        alerts = advanced.alerts
        out.append((now_ns, there, advanced))
    return out


@given(steps, patiences)
def test_nothing_fires_before_it_was_found_for_long_enough(changes, patience) -> None:
    since = None
    for now_ns, there, advanced in history(changes, patience):
        alert = advanced.alerts.get(KEY)
        if alert is None or alert.state is not AlertState.FIRING:
            since = None if not there else now_ns if since is None else since
        if there:
            since = now_ns if since is None else since
            expected = now_ns - since >= patience.for_ns
            assert alert is not None
            assert (alert.state is AlertState.FIRING) == (expected or alert.fired_ns is not None)


@given(steps, patiences)
def test_what_is_found_is_active_and_what_is_not_fires_only_by_keep_firing_for(
    changes, patience
) -> None:
    missing_since = None
    for now_ns, there, advanced in history(changes, patience):
        missing_since = None if there else now_ns if missing_since is None else missing_since
        active = KEY in advanced.active
        if there:
            assert active
            assert advanced.alerts[KEY].keep_firing_ns is None
        elif active:
            alert = advanced.alerts[KEY]
            assert alert.state is AlertState.FIRING
            assert alert.keep_firing_ns == missing_since
            assert now_ns - missing_since < patience.keep_firing_ns


@given(steps, patiences)
def test_a_resolved_alert_is_remembered_for_a_quarter_of_an_hour_and_no_longer(
    changes, patience
) -> None:
    for now_ns, _, advanced in history(changes, patience):
        for alert in advanced.alerts.values():
            assert (alert.state is AlertState.INACTIVE) == (alert.resolved_ns is not None)
            if alert.resolved_ns is not None:
                assert alert.fired_ns is not None
                assert alert.fired_ns <= alert.resolved_ns
                assert now_ns - alert.resolved_ns <= RESOLVED_RETENTION_NS


@given(steps, patiences)
def test_an_alert_passes_through_its_states_in_order(changes, patience) -> None:
    before = AlertState.INACTIVE
    allowed = {
        AlertState.INACTIVE: {AlertState.INACTIVE, AlertState.PENDING, AlertState.FIRING},
        AlertState.PENDING: {AlertState.INACTIVE, AlertState.PENDING, AlertState.FIRING},
        AlertState.FIRING: {AlertState.INACTIVE, AlertState.FIRING},
    }
    for _, _, advanced in history(changes, patience):
        alert = advanced.alerts.get(KEY)
        after = AlertState.INACTIVE if alert is None else alert.state
        if patience.for_ns > 0 and before is AlertState.INACTIVE:
            assert after is not AlertState.FIRING
        assert after in allowed[before]
        before = after


@given(steps, patiences)
def test_alerts_do_not_disturb_each_other(changes, patience) -> None:
    other = (("alertname", "Down"), ("instance", "b"))
    alone = [advanced.alerts.get(KEY) for _, _, advanced in history(changes, patience)]
    now_ns, alerts, together = 0, {}, []
    for i, (delta, there) in enumerate(changes):
        now_ns += delta * S
        elements = {KEY: found(now_ns)} if there else {}
        if i % 3:
            elements[other] = found(now_ns)
        alerts = advance(alerts, elements, now_ns, patience).alerts
        together.append(alerts.get(KEY))
    assert together == alone


def test_value_and_annotations_follow_and_the_start_stays() -> None:
    patience = Patience(for_ns=60 * S)
    alerts = advance({}, {KEY: found(0, 1.0, "one")}, 0, patience).alerts
    alerts = advance(alerts, {KEY: found(60 * S, 2.0, "two")}, 60 * S, patience).alerts
    assert alerts == {
        KEY: Alert(dict(KEY), {"summary": "two"}, 2.0, 0, AlertState.FIRING, fired_ns=60 * S)
    }


def test_an_alert_that_comes_back_after_it_was_resolved_starts_anew() -> None:
    alerts = advance({}, {KEY: found(0)}, 0, Patience()).alerts
    alerts = advance(alerts, {}, 60 * S, Patience()).alerts
    assert alerts[KEY].resolved_ns == 60 * S
    alerts = advance(alerts, {KEY: found(120 * S)}, 120 * S, Patience(for_ns=S)).alerts
    assert alerts == {KEY: found(120 * S)}


MINUTE = 60 * S


def test_an_alert_that_fired_before_the_restart_fires_at_once() -> None:
    restored = restore_active(
        found(100 * MINUTE), 50 * MINUTE, 10 * MINUTE, 100 * MINUTE, Patience(30 * MINUTE), 0
    )
    assert restored.active_ns == 10 * MINUTE


def test_the_outage_does_not_count_as_served() -> None:
    restored = restore_active(
        found(100 * MINUTE), 50 * MINUTE, 40 * MINUTE, 100 * MINUTE, Patience(60 * MINUTE), 0
    )
    assert restored.active_ns == 90 * MINUTE  # ten minutes served before, fifty to go


def test_an_alert_that_was_about_to_fire_waits_the_grace_period() -> None:
    restored = restore_active(
        found(100 * MINUTE),
        50 * MINUTE,
        10 * MINUTE,
        100 * MINUTE,
        Patience(45 * MINUTE),
        10 * MINUTE,
    )
    assert restored.active_ns + 45 * MINUTE == 110 * MINUTE


@given(
    st.integers(0, 3600),
    st.integers(0, 3600),
    st.integers(0, 3600),
    st.integers(0, 7200),
    st.integers(0, 600),
)
def test_a_restored_alert_fires_no_earlier_than_without_the_restart_allows(
    active, served, outage, wait, grace
) -> None:
    seen, now = active + served, active + served + outage
    patience = Patience(wait * S)
    alert = restore_active(found(now * S), seen * S, active * S, now * S, patience, grace * S)
    fires = max(alert.active_ns + patience.for_ns, now * S)
    remaining = max(0, wait - served)
    if remaining == 0:
        assert fires == now * S
    else:
        assert fires == (now + max(remaining, grace)) * S
