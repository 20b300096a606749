"""Retries on a real port: another grant under the same decision, bounded, under no stop (DESIGN 2b.8, 2b.9)."""

from __future__ import annotations

from pathlib import Path

import msgspec
from tests.integration.hub.house import GENEROUS, Frame, House, Peer, house

from watchfloor.actions.messages import GrantStanding
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.engine.stops import JournalStop
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import BreakerTerms, ClassTerms, Policy

TWICE = msgspec.structs.replace(
    GENEROUS,
    classes={**Policy().classes, "read": ClassTerms(base=5, rate="light", attempts=2)},
    breaker=BreakerTerms(failures=16),
)
READ = {"type": "file.read", "params": {"path": "README.md"}}


async def failed(here: House, peer: Peer, public: str) -> Frame:
    """A read that was permitted, started and failed; the ruling."""
    agent = parse_id(public, "agent")[0]
    await here.put(GrantStanding(agent=agent, type="file.read", expires_at=here.engine.clock() + DAY))
    ruling: Frame = (await peer.ask("action:request", READ))["payload"]
    assert ruling["verdict"] == "permitted"
    await started(peer, ruling, "exe_1")
    ended = {"action_id": ruling["action_id"], "execution_id": "exe_1", "code": "timeout"}
    assert (await peer.ask("action:failed", ended))["payload"]["status"] == "failed"
    return ruling


async def started(peer: Peer, ruling: Frame, execution: str) -> None:
    start = {
        "action_id": ruling["action_id"],
        "grant_id": ruling["grant"]["grant_id"],
        "execution_id": execution,
        "digest": ruling["digest"],
    }
    assert (await peer.ask("action:started", start))["payload"]["status"] == "executing"


async def test_what_failed_runs_again_with_a_grant_of_the_same_digest_and_end(tmp_path: Path) -> None:
    async with house(tmp_path, TWICE) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as peer:
            ruling = await failed(here, peer, public)
            wish = {"action_id": ruling["action_id"], "execution_id": "exe_1"}
            number = next(peer.numbers)
            answer = await peer.ask("action:retry", wish, number=number)
            again = answer["payload"]
            assert (answer["type"], again["verdict"], again["status"]) == (
                "action:decided",
                "permitted",
                "retried",
            )
            assert again["grant"]["grant_id"].endswith(".2")
            for same in ("digest", "salt", "basis", "expires_at"):
                assert again["grant"][same] == ruling["grant"][same]
            assert await peer.ask("action:retry", wish, number=number) == answer, "the frame repeated"
            assert (await peer.ask("action:retry", wish))["payload"] == again, "the wish repeated"
            await started(peer, again, "exe_2")
            ended = {"action_id": ruling["action_id"], "execution_id": "exe_2"}
            assert (await peer.ask("action:failed", ended))["payload"]["status"] == "failed"
            refused = await peer.ask("action:retry", wish | {"execution_id": "exe_2"})
            assert refused["payload"]["code"] == "attempts_used_up"


async def test_no_retry_leaves_under_a_stop_and_nobody_repeats_anothers_action(tmp_path: Path) -> None:
    async with house(tmp_path, TWICE) as here:
        public, key = await here.agent("otto")
        _, other = await here.agent("mara")
        async with here.peer(key) as peer, here.peer(other) as stranger:
            ruling = await failed(here, peer, public)
            wish = {"action_id": ruling["action_id"], "execution_id": "exe_1"}
            assert (await stranger.ask("action:retry", wish))["payload"]["code"] == "not_found"
            stop = JournalStop(
                id="s1",
                org=here.org,
                scope="agent",
                target=public,
                reason="halt",
                by="",
                at=here.engine.clock(),
            )
            here.engine.stops.add(stop)
            assert (await peer.ask("action:retry", wish))["payload"]["code"] == "stopped"
            here.engine.stops.add(msgspec.structs.replace(stop, lifted=True))
            assert (await peer.ask("action:retry", wish))["payload"]["status"] == "retried"
            event = here.engine.event(here.org, here.engine.head(here.org))
            assert event is not None
            assert isinstance(event.facts, ActionRetried)
