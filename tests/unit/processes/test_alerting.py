"""Which event raises and ends which alert, and that masses are one alert (spec 06 *Situation report*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.processes.test_processes import Room

from watchfloor.actions.messages import BreakerOpened, StopLifted, StopRecorded, UngatedCall
from watchfloor.councils.messages import DecisionDenied, DecisionEscalated, DecisionWarned
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDisconnected,
    AgentQuarantined,
    KeyExpiring,
    KeyIssued,
    KeyRevoked,
)
from watchfloor.fleet.supervision_messages import SupervisionEnded, SupervisionPassed
from watchfloor.kernel.messages import Command, Effect, Facts, Later
from watchfloor.kernel.system import ClockAnomaly
from watchfloor.processes.alerting import CLEARS, RAISES, first_dead
from watchfloor.registers.alerts import OpenAlert
from watchfloor.situation.kinds import ALERTS
from watchfloor.situation.messages import (
    SEVERITIES,
    AcknowledgeAlert,
    ClearAlert,
    RaiseAlert,
    WorsenAlert,
)
from watchfloor.trust.anomaly_messages import AnomalyAcknowledged
from watchfloor.work.messages import TaskAttemptFailed, TaskDeadLettered, TaskProgressed

OURS = RaiseAlert | WorsenAlert | ClearAlert | AcknowledgeAlert | Later


def alerts(room: Room, facts: Facts, subject: int = 7) -> list[Command | Effect]:
    """What the flow wishes for; other flows look at some of these events too."""
    wishes = room.wishes(facts, subject)
    return [
        wish
        for wish in wishes
        if isinstance(wish, OURS) and getattr(wish, "flow", "dead_letter") == "dead_letter"
    ]


def known(what: str, about: str = "7", severity: str = "warning") -> Room:
    room = Room()
    room.cells["alerts", f"{what}:{about}"] = OpenAlert(40, severity)
    return room


def warned(**more: Any) -> DecisionWarned:
    return DecisionWarned(action=3, agent=1, rung=0, tell=(), **more)


ESCALATED = DecisionEscalated(action=3, agent=1, deadline_at=9, rung=1, tell=())


def test_every_kind_can_be_raised_and_ends_by_an_event_by_hand_or_by_its_time() -> None:
    assert {rule.what for rule in RAISES} | {"dead_letter"} == ALERTS.keys()
    assert {rule.severity for rule in RAISES} == set(SEVERITIES)
    ended = {rule.what for rule in CLEARS} | {"breaker_open"}
    assert ALERTS.keys() - ended == {what for what, kind in ALERTS.items() if kind.by_hand} - ended


def test_an_alert_names_the_thing_the_agent_and_the_event() -> None:
    quarantined = alerts(Room(), AgentQuarantined(reason="runaway"))
    assert quarantined == [
        RaiseAlert(
            what="quarantined",
            about="7",
            severity="critical",
            source=50,
            agent=7,
            thing_kind="agent",
            thing=7,
        )
    ]
    (opened,) = alerts(Room(), BreakerOpened(failures=3, scope="tool", target="git", until_at=99))
    assert isinstance(opened, RaiseAlert)
    assert (opened.about, opened.agent, opened.until_at, opened.thing) == ("tool:git", 0, 99, 0)
    (of_agent,) = alerts(Room(), BreakerOpened(failures=3, scope="agent", target="5", until_at=99))
    assert isinstance(of_agent, RaiseAlert)
    assert of_agent.agent == 5
    (clock,) = alerts(Room(), ClockAnomaly(offset_ms=9_000))
    assert isinstance(clock, RaiseAlert)
    assert (clock.about, clock.thing_kind) == ("", "")
    (call,) = alerts(Room(), UngatedCall(action_type="x", agent=4, execution="e", tool=""))
    assert isinstance(call, RaiseAlert)
    assert (call.about, call.agent, call.thing_kind) == ("4", 4, "action")


def test_what_is_open_is_not_raised_again_but_may_get_worse() -> None:
    assert alerts(Room(), warned())
    assert alerts(known("decision_waiting"), warned()) == []
    worse = WorsenAlert(subject=40, severity="critical", source=50)
    assert alerts(known("decision_waiting"), ESCALATED) == [worse]
    assert alerts(known("decision_waiting", severity="critical"), ESCALATED) == []


def test_what_ends_it_clears_it_and_nothing_else() -> None:
    stop = StopRecorded(effective_at=1, journal="", nonce=1, reason="", scope="tool", target="x")
    assert alerts(known("stopped", severity="critical"), stop) == []
    assert alerts(known("stopped"), StopLifted(reason="")) == [ClearAlert(subject=40, source=50)]
    assert alerts(known("stopped", "8"), StopLifted(reason="")) == []
    moves = TaskProgressed(generation=1, percent=5, status="running")
    assert alerts(known("stuck"), moves) == [ClearAlert(subject=40, source=50)]


def test_a_domain_without_an_agent_is_an_alert_until_one_takes_it() -> None:
    def passed(agent: int) -> SupervisionPassed:
        return SupervisionPassed(agent=agent, agent_before=5, generation=2, reason="offline")

    (raised,) = alerts(Room(), passed(0))
    assert isinstance(raised, RaiseAlert)
    assert (raised.what, raised.severity) == ("unsupervised", "critical")
    assert alerts(Room(), passed(6)) == []
    for ends in (passed(6), SupervisionEnded(agent=0, reason="")):
        assert alerts(known("unsupervised"), ends) == [ClearAlert(subject=40, source=50)]


@pytest.mark.parametrize(
    ("reason", "raises"), [("unanswered", 1), ("unanswerable", 1), ("voted", 0), ("vetoed", 0)]
)
def test_a_no_by_people_is_no_alert(reason: str, raises: int) -> None:
    assert len(alerts(Room(), DecisionDenied(action=3, agent=1, reason=reason))) == raises


def test_an_agent_that_leaves_tasks_is_one_alert_until_it_is_back_or_rid_of_them() -> None:
    gone = AgentDisconnected(reason="gone", session="s")
    room = Room()
    assert alerts(room, gone) == []
    room.cells["load", 7] = (11, 12)
    assert [type(wish) for wish in alerts(room, gone)] == [RaiseAlert]
    assert alerts(room, AgentDisconnected(reason="node_restarted", session="s")) == []
    failed = TaskAttemptFailed(agent=7, generation=1, reason="disconnected", retry_at=0)
    room.cells["alerts", "orphaned:7"] = OpenAlert(40, "warning")
    assert alerts(room, failed, subject=11) == []
    del room.cells["load", 7]
    assert alerts(room, failed, subject=11) == [ClearAlert(subject=40, source=50)]
    back = AgentConnected(node="n", session="t")
    assert ClearAlert(subject=40, source=50) in alerts(room, back)


def test_a_key_is_fine_again_when_it_is_rotated_or_revoked() -> None:
    (raised,) = alerts(Room(), KeyExpiring(credential="key_a", expires_at=9))
    assert isinstance(raised, RaiseAlert)
    assert (raised.about, raised.agent, raised.severity) == ("key_a", 7, "info")
    rotated = KeyIssued(credential="key_b", expires_at=9, overlap_until_at=0, rotates="key_a")
    for ends in (rotated, KeyRevoked(credential="key_a", reason="")):
        assert alerts(known("key_expiring", "key_a"), ends) == [ClearAlert(subject=40, source=50)]


def test_tasks_in_the_dead_letter_are_one_alert_however_many_end_there_at_once() -> None:
    dead = TaskDeadLettered(agent=0, generation=1, reason="deadline_passed")
    room = Room()
    assert alerts(room, dead) == [Later(flow="dead_letter", about=7)]
    room.cells["task", 7] = SimpleNamespace(seq=49, agent=0)
    (raised,) = first_dead(7, room.read, 0)
    assert isinstance(raised, RaiseAlert)
    assert (raised.thing, raised.source, raised.about) == (7, 49, "")
    assert first_dead(8, room.read, 0) == []
    room.cells["alerts", "dead_letter:"] = OpenAlert(40, "warning")
    assert first_dead(7, room.read, 0) == []
    assert alerts(room, dead) == []


def test_who_acknowledges_the_anomaly_has_seen_its_alert() -> None:
    assert alerts(known("anomaly"), AnomalyAcknowledged()) == [AcknowledgeAlert(subject=40)]
    assert alerts(Room(), AnomalyAcknowledged()) == []
