"""The page behind the link of a notice: looking changes nothing, one person votes once, a link ends by itself (spec 3.2; I3)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.integration.http.browsing import Browser
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken
from tests.integration.http.kit import Person, Running

from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.kernel.notice_terms import NoticeTerms
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import ChangeRoles, DisablePerson

HOUR_US = 3_600_000_000


def link_of(server: Running, decision: str, person: Person, life_us: int = HOUR_US, org: int = 0) -> str:
    """The path of a link, as a notice has it."""
    subject, _ = parse_id(decision, "decision")
    state = server.engine.state(org or server.orgs[0], "decision", subject)
    text = server.services.links.make(
        org or server.orgs[0], subject, state.digest, person.subject, server.engine.clock() + life_us
    )
    return f"/tap/{text}"


def votes(server: Running, decision: str) -> list[Any]:
    subject, _ = parse_id(decision, "decision")
    return [
        event
        for event in server.engine.events(server.orgs[0], 0, 10_000)
        if event.type == "decision.voted/1" and event.subject == subject
    ]


@pytest.fixture
def phone(server: Running) -> Browser:
    """A browser in which nobody has signed in."""
    return Browser(server)


def test_looking_at_a_link_changes_nothing_and_shows_what_would_run(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent, reason="<b>trust me</b>")
    place = link_of(server, ruling["decision_id"], server.person("supervisor"))
    head = server.engine.head(server.orgs[0])
    for _ in range(3):
        answer = phone.client.get(place)
        assert answer.status_code == 200
    assert server.engine.head(server.orgs[0]) == head, "a robot that looks decides nothing"
    assert "import sys" in answer.text and "&lt;b&gt;trust me&lt;/b&gt;" in answer.text
    assert "not checked by anybody" in answer.text and "You vote as" in answer.text
    assert "<script" not in answer.text and "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers and "/inbox/" not in answer.text
    title = answer.text.partition("<title>")[2].partition("</title>")[0]
    assert "patch" not in title, "previews show titles to a whole room"
    plain = phone.client.get(f"{place}/parameters")
    assert "import sys" in plain.text and plain.headers["content-type"].startswith("text/plain")


def test_a_vote_by_link_is_one_vote_whatever_is_repeated(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    boss = server.person("supervisor")
    place = link_of(server, ruling["decision_id"], boss)
    fields = phone.form(place) | {"vote": "approve", "comment": "from the train"}
    again = Browser(server)
    first, second = phone.post(place, fields), again.post(place, fields)
    assert (first.status_code, second.status_code) == (303, 303)
    assert first.headers["location"].endswith("said=approved")
    assert second.headers["location"].endswith("said=already_voted")
    after = phone.get(first.headers["location"])
    assert "Your approval is recorded." in after and "It is approved" in after and "import sys" not in after
    (cast,) = votes(server, ruling["decision_id"])
    assert (cast.facts.session, cast.actor.id, cast.facts.person) == ("link", boss.id, boss.id)
    assert cast.actor.credential.startswith("tap_") and cast.actor.credential[4:] in place
    assert phone.client.get(f"{place}/parameters").status_code == 410
    with server.client(boss) as client:
        shown = client.get(f"/api/v1/decisions/{ruling['decision_id']}?min_seq={cast.seq}").json()
        assert [vote["session"] for vote in shown["votes"]] == ["link"]
    assert broken(server) == []


def test_a_link_is_for_one_person_one_decision_one_digest_and_a_time(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    one, other = ask_patch(agent), ask_patch(agent)
    boss = server.person("supervisor")
    place = link_of(server, one["decision_id"], boss)
    last = place[-1]
    forged = place[:-1] + ("A" if last != "A" else "Q")
    assert "This link is over" in phone.get(forged, 404)
    assert phone.client.get("/tap/wf_tap_x").status_code == 404
    assert "expired" in phone.get(link_of(server, one["decision_id"], boss, -1_000_000), 410)
    fields = phone.form(link_of(server, other["decision_id"], boss)) | {"vote": "approve"}
    wrong = phone.post(place, fields)
    assert wrong.status_code == 409 and "another action" in wrong.text
    bare = phone.post(place, {"vote": "approve"})
    assert bare.status_code == 422, "a button of a page that showed a digest, nothing else"
    foreign = phone.post(
        place,
        phone.form(place) | {"vote": "approve"},
        origin="https://evil.example",
        sec_fetch_site="cross-site",
    )
    assert foreign.status_code == 403
    assert votes(server, one["decision_id"]) == []


def test_who_may_not_vote_may_not_by_link_and_is_told_why(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    owner = server.person("operator")
    page = phone.get(link_of(server, ruling["decision_id"], owner))
    assert "You own this agent" in page and "Approve</button>" not in page
    place = link_of(server, ruling["decision_id"], owner)
    digest = ruling["digest"]
    tried = phone.post(place, {"vote": "approve", "digest": digest})
    assert tried.status_code == 403 and "The attempt is recorded" in tried.text
    assert votes(server, ruling["decision_id"]) == []


def test_a_link_ends_with_its_person_and_follows_their_roles(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    boss = server.person("supervisor", "auditor")
    place = link_of(server, ruling["decision_id"], boss)
    fields = phone.form(place) | {"vote": "approve"}
    server.run(
        server.engine.ask(server.orgs[0], ChangeRoles(subject=boss.subject, roles=("operator",)), SYSTEM)
    )
    assert "Your role does not decide" in phone.get(place)
    assert phone.post(place, fields).status_code == 403
    server.run(server.engine.ask(server.orgs[0], DisablePerson(subject=boss.subject), SYSTEM))
    assert "This link is over" in phone.get(place, 410)
    assert phone.post(place, fields).status_code == 410
    assert votes(server, ruling["decision_id"]) == []


def test_a_vote_that_comes_when_it_is_over_is_recorded_as_late(
    server: Running, phone: Browser, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    place = link_of(server, ruling["decision_id"], server.person("supervisor"))
    fields = phone.form(place) | {"vote": "approve"}
    with server.client(server.person("director")) as director:
        body = {"vote": "deny", "digest": ruling["digest"]}
        assert director.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body).status_code == 200
    late = phone.post(place, fields)
    assert late.headers["location"].endswith("said=late")
    after = phone.get(late.headers["location"])
    assert "It is denied" in after and "recorded as late" in after
    assert [(vote.facts.vote, vote.facts.late) for vote in votes(server, ruling["decision_id"])] == [
        ("deny", False),
        ("approve", True),
    ]


@pytest.mark.parametrize(
    "policy",
    [
        Policy(notices=NoticeTerms(links_level_max=2)),
        Policy(sign_in=SignInTerms(totp=("supervisor",))),
        Policy(sign_in=SignInTerms(link=("operator", "admin"))),
    ],
    ids=("level", "second factor", "no links"),
)
def test_where_the_policy_wants_more_than_a_link_it_does_not_vote(
    server: Running, phone: Browser, policy: Policy
) -> None:
    org = server.run(server.backbone.found("Quiet", policy))
    boss = server.person("supervisor", org=org)
    with server.client(server.agent(org=org)["api_key"]) as agent:
        ruling = ask_patch(agent)
    place = link_of(server, ruling["decision_id"], boss, org=org)
    page = phone.get(place)
    assert "At level 3 a vote of yours takes signing in" in page and "Approve</button>" not in page
    tried = phone.post(place, {"vote": "approve", "digest": ruling["digest"]})
    assert tried.status_code == 403 and "takes signing in" in tried.text
    assert server.engine.state(org, "decision", parse_id(ruling["decision_id"], "decision")[0]).votes == ()


def test_somebody_who_is_signed_in_as_another_votes_as_the_links_person(
    server: Running, agent: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    boss = server.person("supervisor")
    browser = Browser(server, server.person("director"))
    place = link_of(server, ruling["decision_id"], boss)
    answer = browser.post(place, browser.form(place) | {"vote": "approve"})
    assert answer.status_code == 303, answer.text
    assert [vote.facts.person for vote in votes(server, ruling["decision_id"])] == [boss.id]


@pytest.mark.parametrize(
    ("comment", "status"),
    [
        (b"cafe%CC%81+%0D%0A%3Cb%3E%E2%80%AE", 303),  # not NFC, new lines, markup, an override of direction
        (b"%ED%A0%80", 400),  # half of a surrogate pair
        (b"a%00b", 303),  # kept exactly, shown made visible
        (b"x" * 4_001, 303),  # longer than the field takes: cut, as the page says
        (b"x" * 300_000, 413),
    ],
    ids=("odd", "surrogate", "nul", "long", "huge"),
)
def test_odd_comments_are_taken_exactly_or_refused_and_never_break(
    server: Running, agent: httpx2.Client, comment: bytes, status: int
) -> None:
    ruling = ask_patch(agent)
    place = link_of(server, ruling["decision_id"], server.person("supervisor"))
    body = b"digest=" + ruling["digest"].encode() + b"&vote=deny&comment=" + comment
    headers = {"content-type": "application/x-www-form-urlencoded", "origin": server.url}
    answer = server.client().post(place, content=body, headers=headers)
    assert answer.status_code == status, answer.text[:300]
    assert len(votes(server, ruling["decision_id"])) == (1 if status == 303 else 0)
