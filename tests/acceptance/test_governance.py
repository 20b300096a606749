"""Governance from outside, by REST and WebSocket only (issue text; spec 3.1 and 3.2): levels, committees, escalation,
and the ways past the people that must not exist."""

from __future__ import annotations

import contextlib
import itertools
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import httpx2 as httpx
import pytest
from tests.integration.sdk.test_with_the_server import PROGRAM
from websockets.sync.client import ClientConnection, connect

pytestmark = [pytest.mark.serial, pytest.mark.timeout(240)]
Said = dict[str, Any]
T = TypeVar("T")
BREAKER_MS = 3_000
PASSWORD = "correct horse battery staple"
SHORT_MS = 10_000  # the shortest wait a policy may set
COMMITTEES: Said = {
    "two_of_three": {"rule": "count", "needed": 2, "seats": [{"person": p} for p in ("ann", "ben", "cid")]},
    "everybody": {"rule": "all", "seats": [{"person": "ann"}, {"person": "ben"}]},
    "weighty": {
        "rule": "weight",
        "needed": 3,
        "seats": [{"person": "ann", "weight": 2}, {"person": "ben"}, {"person": "cid"}],
    },
    "with_veto": {
        "rule": "count",
        "needed": 2,
        "seats": [{"person": "ann", "veto": True}, {"person": "ben"}, {"person": "cid"}],
    },
}


def until(ask: Callable[[], T | None], what: str, seconds: float = 30) -> T:
    """What `ask` finds, once it finds something."""
    end = time.monotonic() + seconds
    while not (found := ask()):
        assert time.monotonic() < end, f"not yet: {what}"
        time.sleep(0.05)
    return found


class Agent:
    """An agent on a raw WebSocket. Pushes are kept; answers are found by their number."""

    def __init__(self, url: str, key: str, agent_id: str) -> None:
        self.id = agent_id
        self.key = key
        self.frames: list[Said] = []
        self._numbers = itertools.count(1)
        self._leaving = contextlib.ExitStack()
        self._address = url.replace("http", "ws") + "/ws"
        self._socket: ClientConnection
        self.come()

    def come(self) -> None:
        """Connect; after a time without a word, again. What was pushed meanwhile is pushed now, as hello asks for it."""
        self._leaving.close()
        own = {"authorization": f"Bearer {self.key}"}
        self._socket = self._leaving.enter_context(connect(self._address, additional_headers=own, proxy=None))
        heard = max((frame.get("seq", 0) for frame in self.frames), default=0)
        self._socket.send(json.dumps({"type": "hello", "payload": {"last_seq": heard}}))
        self.until(lambda frame: frame["type"] == "welcome")

    def ask(self, kind: str, **payload: Any) -> Said:
        """Send a numbered frame; the payload of its answer, with its type."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"type": kind, "id": number, "payload": payload}))
        return self.until(lambda frame: frame.get("re") == number)

    def told(self, asked: Said) -> Said:
        """What the server pushes about an action that waited for people."""
        return self.until(
            lambda frame: "re" not in frame and frame["payload"].get("action_id") == asked["action_id"]
        )

    def until(self, fits: Callable[[Said], bool]) -> Said:
        for frame in self.frames:
            if fits(frame):
                return {"frame": frame["type"], **frame["payload"]}
        while True:
            frame = json.loads(self._socket.recv(timeout=15))
            self.frames.append(frame)
            if fits(frame):
                return {"frame": frame["type"], **frame["payload"]}

    def request(self, type_: str, **params: Any) -> Said:
        return self.ask("action:request", type=type_, tool="hand", params=params, reason="a scenario")

    def start(self, asked: Said, grant: Said, execution: str = "x1", digest: str = "") -> Said:
        return self.ask(
            "action:started",
            action_id=asked["action_id"],
            grant_id=grant["grant_id"],
            execution_id=execution,
            digest=digest or grant["digest"],
        )

    def close(self) -> None:
        self._leaving.close()


class Floor:
    """A server in a process of its own, its people by handle, and a policy with short waits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder), "0"], stdout=subprocess.PIPE, text=True
        )
        self.people: dict[str, httpx.Client] = {}
        self.ids: dict[str, str] = {}
        self._agents: list[Agent] = []
        try:
            self._open()
        except BaseException:
            self.close()  # no process stays behind
            raise

    def _open(self) -> None:
        assert self._process.stdout is not None
        told = json.loads(self._process.stdout.readline())
        self.url = str(told["url"])
        for handle in ("ada", "sam"):
            self._known(handle, told[handle])
        self.policy(short_waits, "sam", "ada")
        for handle, role in {
            "ann": "supervisor",
            "ben": "supervisor",
            "cid": "supervisor",
            "opi": "operator",
            "dan": "director",
            "dot": "director",
        }.items():
            self.join(handle, role)

    def _known(self, handle: str, token: str) -> None:
        self.people[handle] = self.client(token)
        self.ids[handle] = str(self.people[handle].get("/api/v1/me").json()["id"])

    def join(self, handle: str, role: str) -> None:
        """Added by the administrator, comes by the link, sets a password, makes a token (decision 35)."""
        admin = self.people["ada"]
        body = {"handle": handle, "name": handle.title(), "roles": [role]}
        person = right(admin.post("/api/v1/people", json=body))["person_id"]
        path = right(admin.post(f"/api/v1/people/{person}/sign-in-link"))["path"]
        with httpx.Client(base_url=self.url, trust_env=False, headers={"origin": self.url}) as browser:
            right(browser.post("/api/v1/sign-in", json={"link": path.rpartition("/")[2]}))
            browser.headers["x-csrf-token"] = str(browser.get("/api/v1/me").json()["csrf"])
            browser.headers["x-csrf-token"] = str(browser.get("/api/v1/me").json()["csrf"])
            right(browser.post("/api/v1/me/password", json={"new": PASSWORD}))
            self._known(handle, right(browser.post("/api/v1/tokens", json={}))["token"])

    def agent(self, who: str = "ada", **body: Any) -> Agent:
        asked = {
            "name": f"agent-{secrets.token_hex(4)}",
            "type": "executor",
            "capabilities": ["work"],
            **body,
        }
        made = right(self.people[who].post("/api/v1/agents/register", json=asked))
        found = Agent(self.url, made["api_key"], made["agent_id"])
        self._agents.append(found)
        return found

    def client(self, token: str) -> httpx.Client:
        """REST with some credential."""
        headers = {"authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=15, trust_env=False)

    def verify(self) -> None:
        """The stand-alone verifier finds that every rule was obeyed in all that has happened (exit 0)."""
        export = self._folder / f"export-{secrets.token_hex(4)}"
        program = [str(Path(sys.executable).with_name("watchfloor")), "ledger", "export", str(export)]
        made = run(*program, "--data", str(self._folder / "data"), "--json")
        key = str(json.loads(made)["key"])
        run(sys.executable, "-m", "watchfloor_verify", str(export), "--key", key)

    def policy(self, change: Callable[[Said], None], who: str, *others: str) -> None:
        """Another policy: the one in force, changed; where others must agree, they do."""
        now = self.people[who].get("/api/v1/policy").json()
        change(now["document"])
        tag = {"if-match": now["etag"]}
        said = right(self.people[who].put("/api/v1/policy", json=now["document"], headers=tag))
        if said.get("state", "applied") == "applied":
            return
        digest = self.decision(said, said["seq"])["decision"]["digest"]
        refused(self.vote(who, said, digest=digest), "party_to_it")
        for other in others:
            if right(self.vote(other, said, digest=digest))["status"] == "approved":
                break
        until(
            lambda: self.people[who].get("/api/v1/policy").json()["version"] > now["version"],
            "the policy is in force",
        )

    def vote(self, who: str, asked: Said, vote: str = "approve", digest: str = "") -> httpx.Response:
        return self.people[who].post(
            f"/api/v1/decisions/{asked['decision_id']}/vote",
            json={"vote": vote, "digest": digest or asked["digest"], "comment": "looked at"},
        )

    def decision(self, asked: Said, seq: int = 0) -> Said:
        path = f"/api/v1/decisions/{asked['decision_id']}"
        return right(self.people["ada"].get(path, params={"min_seq": seq}))

    def status(self, asked: Said) -> str:
        answer = right(self.people["ada"].get(f"/api/v1/actions/{asked['action_id']}"))
        return str(answer["action"]["status"])

    def close(self) -> None:
        for agent in self._agents:
            agent.close()
        for client in self.people.values():
            client.close()
        self._process.terminate()
        self._process.communicate(timeout=30)


def run(*program: str) -> str:
    """What a program says that ends well."""
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def right(answer: httpx.Response) -> Said:
    assert answer.status_code < 300, answer.text
    found: Said = answer.json()
    return found


def refused(answer: httpx.Response, code: str) -> None:
    """A refusal that says why and whether to come back."""
    assert answer.status_code in (403, 409), answer.text
    said = answer.json()
    assert (said["code"], said["retryable"]) == (code, False)


def short_waits(document: Said) -> None:
    """Levels by the parameter `level`, committees by the action's type, waits as short as they may be."""
    document["factors"] += [
        {
            "name": f"asks_for_{level}",
            "when": [{"field": "level", "op": "eq", "value": level}],
            "points": 0,
            "level_min": level,
        }
        for level in (2, 3, 4)
    ]
    loosely = [{"field": "loosely", "op": "exists"}]
    document["factors"].append({"name": "asks_loosely", "when": loosely, "points": 0, "level_min": 3})
    document["classes"]["read"]["base"] = 0
    document["auto"]["score_min"] = 0
    document["breaker"]["open_ms"] = BREAKER_MS
    document["levels"] |= {"medium": 0, "high": 0}
    document["types"] |= {f"act.{name}": "read" for name in (*COMMITTEES, "plain", "silent")}
    document["types"]["act.stood"] = "write"
    document["classes"]["write"]["base"] = 20
    document["committees"] |= COMMITTEES
    routing = document["routing"]
    routing["assignments"] = [{"committee": n, "level_min": 2, "types": [f"act.{n}"]} for n in COMMITTEES]
    routing["confirm"]["deadline_ms"] = SHORT_MS
    routing["deadlines"]["immediate"] = {"wait_ms": SHORT_MS, "then": "escalate"}
    routing["deadlines"]["low"] = {"wait_ms": SHORT_MS, "then": "expire"}
    routing["ladder"] = [
        {"tell": ["role:supervisor"], "wait_ms": SHORT_MS},
        {"tell": ["role:director"], "wait_ms": SHORT_MS},
    ]


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Floor]:
    found = Floor(tmp_path_factory.mktemp("governance"))
    try:
        yield found
        found.verify()
    finally:
        found.close()


@pytest.fixture(scope="module", autouse=True)
def silent(floor: Floor) -> dict[str, tuple[Agent, Said]]:
    """Asked before anything else and answered by nobody: what becomes of them is looked at last."""
    found = {}
    for name, level, urgency in (("confirm", 2, "normal"), ("climbs", 3, "immediate"), ("expires", 3, "low")):
        agent = floor.agent()
        asked = agent.ask("action:request", type="act.silent", params={"level": level}, urgency=urgency)
        assert asked["verdict"] == "pending", asked
        found[name] = (agent, asked)
    return found


def granted(
    floor: Floor, agent: Agent, type_: str, voters: tuple[str, ...], **params: Any
) -> tuple[Said, Said]:
    """An action and the grant that these people's votes brought."""
    asked = agent.request(type_, **params)
    assert asked["verdict"] == "pending", asked
    for who in voters:
        said = right(floor.vote(who, asked))
    assert said["status"] == "approved", said
    return asked, agent.told(asked)["grant"]


def test_levels_0_and_1_run_at_once_and_2_3_and_4_wait_for_who_may_decide_them(floor: Floor) -> None:
    agent = floor.agent()
    first, second = agent.request("act.plain", n=1), agent.request("act.plain", n=2)
    assert [(one["verdict"], one["level"]) for one in (first, second)] == [("permitted", 1), ("permitted", 0)]
    for asked in (first, second):
        assert agent.start(asked, asked["grant"])["status"] == "executing"
        done = agent.ask("action:completed", action_id=asked["action_id"], execution_id="x1")
        assert done["status"] == "completed"
    for level, below, deciders in ((2, "", ("opi",)), (3, "opi", ("ann",)), (4, "ben", ("dan", "dot"))):
        asked = agent.request("act.plain", level=level)
        assert (asked["verdict"], asked["level"], asked.get("grant")) == ("pending", level, None)
        if below:
            assert floor.vote(below, asked).status_code == 403
        for who in deciders:
            assert floor.status(asked) == "pending"
            said = right(floor.vote(who, asked))
        assert said["status"] == "approved", said
        assert agent.start(asked, agent.told(asked)["grant"])["status"] == "executing"


@pytest.mark.parametrize(
    ("committee", "votes", "ends"),
    [
        ("two_of_three", "ann+ ben+", "approved"),
        ("two_of_three", "ann- cid+ ben+", "approved"),
        ("two_of_three", "ann- ben-", "denied"),
        ("everybody", "ann+ ben+", "approved"),
        ("everybody", "ann+ ben-", "denied"),
        ("weighty", "ann+ cid+", "approved"),
        ("weighty", "ben+ cid+ ann-", "denied"),
        ("with_veto", "ben+ ann-", "denied"),
        ("with_veto", "cid- ben+ ann+", "approved"),
    ],
)
def test_a_committee_decides_by_its_own_rule(floor: Floor, committee: str, votes: str, ends: str) -> None:
    agent = floor.agent()
    asked = agent.request(f"act.{committee}", level=3)
    refused(floor.vote("dan", asked), "not_a_member")
    said: Said = {"status": "pending"}
    for vote in votes.split():
        assert said["status"] == "pending", vote
        said = right(floor.vote(vote[:3], asked, "approve" if vote[3] == "+" else "deny"))
    assert said["status"] == ends
    pushed = agent.told(asked)
    assert bool(pushed.get("grant")) is (ends == "approved"), pushed
    late = floor.vote("ann", asked)
    assert late.status_code == 409 or late.json()["late"], late.text
    assert floor.decision(asked, said["seq"])["decision"]["status"] == ends


def test_nobody_approves_their_own_by_any_of_five_routes(floor: Floor) -> None:
    own = floor.agent("ann")
    asked = own.request("act.plain", level=3)
    refused(floor.vote("ann", asked), "own_agent")
    # For somebody else registered is registered all the same.
    given = floor.agent("ann", owner="ben").request("act.plain", level=3)
    refused(floor.vote("ann", given), "party_to_it")
    refused(floor.vote("ben", given), "own_agent")
    # By an enrolment token that speaks for somebody.
    token = right(floor.people["ann"].post("/api/v1/enrolment-tokens", json={"owner": "cid"}))["token"]
    enrolled = {"name": f"enrolled-{secrets.token_hex(4)}", "capabilities": ["work"]}
    with httpx.Client(base_url=floor.url, trust_env=False) as nobody:
        made = right(
            nobody.post(
                "/api/v1/agents/register", json=enrolled, headers={"authorization": f"Bearer {token}"}
            )
        )
        agent = Agent(floor.url, made["api_key"], made["agent_id"])
        asked = agent.request("act.plain", level=3)
        refused(floor.vote("cid", asked), "own_agent")
        refused(floor.vote("ann", asked), "party_to_it")
        # With the agent's own key.
        body = {"vote": "approve", "digest": asked["digest"]}
        path = f"/api/v1/decisions/{asked['decision_id']}/vote"
        by_key = nobody.post(path, json=body, headers={"authorization": f"Bearer {agent.key}"})
        assert by_key.status_code == 403, by_key.text
        agent.close()
    # What the platform carries out about an agent, asked for by a person.
    other = floor.agent()
    asked = right(
        floor.people["ann"].post(
            f"/api/v1/agents/{other.id}/versions", json={"reason": "a new prompt", "prompt": "Be careful."}
        )
    )
    digest = floor.decision(asked, asked["seq"])["decision"]["digest"]
    refused(floor.vote("ann", asked, digest=digest), "party_to_it")
    assert floor.decision(asked)["decision"]["status"] == "pending"


def test_an_approval_is_of_what_was_seen_and_its_grant_is_used_once(floor: Floor) -> None:
    agent = floor.agent()
    asked = agent.request("act.plain", level=3, path="/srv/a")
    other = agent.request("act.plain", level=3, path="/srv/b")
    refused(floor.vote("ann", asked, digest=other["digest"]), "digest_mismatch")
    assert floor.decision(asked)["decision"]["status"] == "pending"
    right(floor.vote("ann", asked))
    grant = agent.told(asked)["grant"]
    changed = agent.start(asked, grant, digest=other["digest"])
    assert (changed["frame"], changed.get("code")) == ("error", "grant_misused"), changed
    agent = floor.agent()
    asked, grant = granted(floor, agent, "act.plain", ("ann",), level=3)
    assert agent.start(asked, grant)["status"] == "executing"
    assert agent.start(asked, grant)["status"] == "executing", "the same execution, said again"
    twice = agent.start(asked, grant, execution="x2")
    assert (twice["frame"], twice.get("code")) == ("error", "grant_misused"), twice
    agent.ask("action:completed", action_id=asked["action_id"], execution_id="x1")
    after = agent.start(asked, grant, execution="x3")
    assert after["frame"] == "error", after


def test_an_approver_who_loses_the_role_before_the_execution_takes_the_grant_along(floor: Floor) -> None:
    floor.join("eve", "supervisor")
    agent = floor.agent()
    asked, grant = granted(floor, agent, "act.plain", ("eve",), level=3)
    path = f"/api/v1/people/{floor.ids['eve']}/roles"
    right(floor.people["ada"].post(path, json={"roles": ["operator"]}))
    started = agent.start(asked, grant)
    assert started.get("status") != "executing", started
    assert "executing" not in floor.status(asked)


def test_a_standing_approval_answers_until_it_expires_and_never_above_level_2(floor: Floor) -> None:
    agent = floor.agent()
    asked = agent.request("act.stood", level=2)
    assert asked["verdict"] == "pending"
    ends_at = int(time.time()) + 3
    body = {"agent_id": agent.id, "type": "act.stood", "expires_at": ends_at * 1_000_000}
    refused(floor.people["opi"].post("/api/v1/standing-approvals", json=body), "role_missing")
    right(floor.people["ann"].post("/api/v1/standing-approvals", json=body))
    trusted = agent.request("act.stood", n=1)
    assert (trusted["verdict"], trusted["grant"]["basis"]) == ("permitted", "standing"), trusted
    assert agent.request("act.stood", level=3)["verdict"] == "pending"
    time.sleep(max(0.0, ends_at - time.time()))
    until(lambda: agent.request("act.stood", n=2)["verdict"] == "pending", "the approval is over")


def test_a_breaker_trips_people_hear_of_it_and_one_probe_closes_it(floor: Floor) -> None:
    skill = f"drill-{secrets.token_hex(3)}"
    agent = floor.agent(capabilities=[skill])

    def ask() -> Said:
        return agent.ask("action:request", type="act.plain", tool="drill", params={}, reason="a scenario")

    def shut(ruling: Said) -> bool:
        rules = {reason["rule"] for reason in ruling.get("reasons", ())}
        return ruling["verdict"] == "denied" and "the_agents_breaker_is_open" in rules

    running = [ask() for _ in range(3)]
    for number, ruling in enumerate(running):
        assert agent.start(ruling, ruling["grant"], f"x{number}")["status"] == "executing"
    for number, ruling in enumerate(running):
        failed = {"action_id": ruling["action_id"], "execution_id": f"x{number}", "code": "broken"}
        assert agent.ask("action:failed", **failed)["status"] == "failed"
    throttled = ask()
    assert shut(throttled), throttled
    assert 0 < throttled["retry_after_ms"] <= BREAKER_MS

    def told() -> bool:
        items = right(floor.people["ann"].get("/api/v1/alerts"))["items"]
        return any(item["what"] == "breaker_open" and item["agent_id"] == agent.id for item in items)

    until(told, "an alert says so")
    task = right(floor.people["opi"].post("/api/v1/tasks", json={"title": "t", "needs": [skill]}))["task_id"]
    assert right(floor.people["opi"].get(f"/api/v1/tasks/{task}"))["task"]["status"] == "queued"
    given = agent.until(lambda frame: frame["type"] == "task:assigned")  # when the time is over
    assert given["task_id"] == task
    asked = ask()  # it failed lately, so a person is asked
    assert asked["verdict"] == "pending", asked
    right(floor.vote("opi", asked))
    probe = agent.told(asked)["grant"]
    assert agent.start(asked, probe)["status"] == "executing"
    assert shut(ask()), "one probe at a time"
    done = {"action_id": asked["action_id"], "execution_id": "x1"}
    assert agent.ask("action:completed", **done)["status"] == "completed"
    assert ask()["verdict"] == "pending", "closed: people are asked again, nothing is throttled"


def test_break_glass_goes_past_the_people_once_and_somebody_else_looks_at_it(floor: Floor) -> None:
    agent = floor.agent()
    asked = agent.request("act.plain", level=3)
    place = f"/api/v1/decisions/{asked['decision_id']}"
    body = {"digest": asked["digest"], "reason": "the site is down"}
    assert floor.people["ann"].post(f"{place}/force", json=body).status_code == 403
    own = floor.people["ada"].post(f"{place}/force", json=body)
    assert (own.status_code, own.json()["retryable"]) == (403, False), own.text
    assert right(floor.people["dan"].post(f"{place}/force", json=body))["status"] == "forced"
    assert agent.start(asked, agent.told(asked)["grant"])["status"] == "executing"
    refused(
        floor.people["dan"].post(f"{place}/review", json={"verdict": "justified"}), "needs_another_person"
    )
    seen = right(floor.people["dot"].post(f"{place}/review", json={"verdict": "unjustified"}))
    now = floor.decision(asked, seen["seq"])["decision"]
    assert (now["reason"], now["review"], now["forced_by"]) == ("forced", "unjustified", [floor.ids["dan"]])
    again = floor.people["dot"].post(f"{place}/force", json=body)
    assert again.status_code == 409, again.text


def test_a_policy_loosened_while_a_decision_waits_makes_it_no_easier(floor: Floor) -> None:
    agent = floor.agent()
    asked = agent.request("act.plain", loosely=3)
    assert asked["level"] == 3

    def loosen(document: Said) -> None:
        (factor,) = (one for one in document["factors"] if one["name"] == "asks_loosely")
        factor["level_min"] = 2

    floor.policy(loosen, "dan", "dot", "ada")
    new = agent.request("act.plain", loosely=3)
    assert new["level"] == 2
    refused(floor.vote("dan", new), "loosened_it")
    assert floor.vote("opi", asked).status_code == 403
    assert floor.status(asked) == "pending"
    assert right(floor.vote("opi", new))["status"] == "approved"
    assert right(floor.vote("ben", asked))["status"] == "approved"


def test_silence_climbs_to_the_end_of_the_chain_and_never_grants(
    floor: Floor, silent: dict[str, tuple[Agent, Said]]
) -> None:
    ends = {}
    for name, (_, asked) in silent.items():
        until(lambda asked=asked: floor.status(asked) != "pending", name, 45)  # type: ignore[misc]
        ends[name] = floor.decision(asked)
    assert {name: found["decision"]["status"] for name, found in ends.items()} == {
        "confirm": "expired",
        "climbs": "denied",
        "expires": "expired",
    }
    climbed = ends["climbs"]
    assert climbed["decision"]["rung"] == climbed["decision"]["rungs"] == 2
    kinds = [line["type"] for line in climbed["timeline"]]
    assert kinds.count("decision.escalated/1") == 2, kinds
    assert kinds.count("decision.warned/1") == 3, kinds
    waited_ms = (climbed["decision"]["decided_at"] - climbed["decision"]["opened_at"]) // 1_000
    assert 3 * SHORT_MS <= waited_ms < 3 * SHORT_MS + 5_000
    for name, (agent, asked) in silent.items():
        agent.come()
        assert not agent.told(asked).get("grant"), name
        late = floor.vote("ann", asked)
        assert late.status_code == 409 or late.json()["late"], late.text
        assert floor.status(asked) in ("denied", "expired")
