"""Deciding together and against the grain (spec 3.2, 7): batches, committees, tribunals, ladders, edits, break-glass, a
session that ends, a phone. One policy for all of it: short ladders, a tribunal at level 4, editors approve level 3."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.browser.conftest import Floor
from tests.browser.seeding import CANARY, ask_many, votes
from tests.integration.http.deciding import change_policy
from tests.integration.http.kit import Running

SECOND = "director+operator"  # another director: a committee of two
LADDER_MS = 10_000  # the shortest wait a policy may set


def _terms(document: dict[str, Any]) -> None:
    document["routing"]["deadlines"]["immediate"] = {"wait_ms": LADDER_MS, "then": "escalate"}
    document["routing"]["editor_level_max"] = 3
    document["tribunal"] |= {"level_min": 4, "score_min": 0}


@pytest.fixture(scope="module", autouse=True)
def climbing(server: Running, chromium: Browser) -> Iterator[Page]:
    """The policy, and an open inbox at a decision that nobody answers: while the others run, it climbs."""
    people = [server.client(server.person(*role.split("+"))) for role in ("admin", "director", SECOND)]
    change_policy(people[0], _terms, *people[1:])
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    director = server.person("director")
    session = server.run(server.credential(server.orgs[0], director.subject, "session"))
    context.add_cookies([{"name": "watchfloor_session", "value": session, "url": server.url}])
    page = Floor(server, context).open(f"/inbox/{ask_many(server, 1, type='message.send')[0]}")
    expect(page.get_by_text("Without an answer it escalates", exact=False)).to_be_visible()
    yield page
    context.close()


@pytest.fixture(scope="module")
def bench(server: Running) -> list[str]:
    """Keys of three validators of three owners, none of them near to those who ask."""
    owners = [server.person(role).id for role in ("supervisor", "admin", "auditor")]
    return [server.agent(capabilities=["validate"], owner=owner)["api_key"] for owner in owners]


def _vote(page: Page, say: str) -> Locator:
    return page.get_by_role("group", name="Your vote").get_by_role("button", name=say, exact=False)


def _decide(page: Page, say: str) -> None:
    _vote(page, say).first.click()
    page.get_by_role("group", name=f"{say}?").get_by_role("button", name=say).click()


def _deny(server: Running, decision: str) -> None:
    director = server.client(server.person("director"))
    digest = director.get(f"/api/v1/decisions/{decision}").json()["decision"]["digest"]
    said = director.post(f"/api/v1/decisions/{decision}/vote", json={"vote": "deny", "digest": digest})
    assert said.status_code == 200, said.text


def test_a_batch_says_of_each_what_became_of_it(server: Running, floors: Callable[..., Floor]) -> None:
    asked = ask_many(server, 3, type="file.write", tool="git")
    floor = floors("supervisor")
    page = floor.open("/inbox")
    for _ in asked:
        page.get_by_role("checkbox", name="Choose file.write", exact=False, checked=False).first.check()
    page.get_by_role("group", name="Chosen decisions").get_by_role("button", name="Deny").click()
    sure = page.get_by_role("dialog").get_by_role("button", name="Deny 3")
    expect(sure).to_be_visible()
    _deny(server, asked[1])
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    sure.click()
    told = page.get_by_role("dialog")
    expect(told).to_contain_text("2 denied, 1 not")
    expect(told).to_contain_text("Somebody else decided first: it was denied.")
    assert "\n".join(floor.axe()) == ""
    floor.shot("inbox-batch-overtaken")
    assert [url.rpartition("/api/v1")[2] for url in sent if "vote" in url] == ["/inbox/votes"]
    told.get_by_role("button", name="Close").last.click()
    said = [[(vote["name"], vote["late"]) for vote in votes(server, one)] for one in asked]
    assert said == [
        [("supervisor", False)],
        [("director", False), ("supervisor", True)],
        [("supervisor", False)],
    ]


def test_lists_are_lines_nested_values_are_indented_and_long_ones_folded(
    server: Running, floors: Callable[..., Floor]
) -> None:
    files = ["billing/invoice.py", "billing/\u202eyp.xat", f"docs/{CANARY}.md", ""]
    params = {
        "files": files,
        "ids": list(range(80)),
        "options": {"retries": 3, "hosts": [{"name": "a", "ports": [80, 443]}, {"name": "b", "ports": []}]},
        "note": "long " * 600,
    }
    (decision,) = ask_many(server, 1, type="file.write", tool="git", params=params)
    floor = floors("supervisor")
    page = floor.open(f"/inbox/{decision}")
    pair = page.locator("dl > div").filter(has=page.get_by_text("files", exact=True))
    lines = pair.locator("dd li")
    expect(lines).to_have_text(
        ["billing/invoice.py", "billing/U+202Eyp.xat", f"docs/{CANARY}.md", "empty text"]
    )
    assert page.locator("dt").get_by_text("0", exact=True).count() == 0
    expect(page.locator("dd ol > li")).to_have_count(2)  # the hosts, numbered
    floor.shot("parameters-light")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    floor.shot("parameters-dark")
    page.get_by_role("button", name="30 more, show them").click()
    expect(page.get_by_text("79", exact=True)).to_be_visible()
    page.get_by_role("button", name="1,800 more characters, show them").click()
    assert page.evaluate("window.caught") is None and page.locator("main img, main script").count() == 0
    phone = floors("supervisor", phone=True)
    page = phone.open(f"/inbox/{decision}")
    phone.shot("parameters-phone")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    small = server.client(server.person("supervisor")).get(f"/inbox/{decision}").text
    assert "<li>" in small and "<dt>0</dt>" not in small
    _deny(server, decision)


def test_what_trust_would_become_is_what_the_server_says(
    server: Running, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    supervisor = server.client(server.person("supervisor"))
    impact = supervisor.get(f"/api/v1/decisions/{decision}/impact").json()
    page = floors("supervisor").open(f"/inbox/{decision}")
    lines = page.get_by_role("list", name="What it would do to trust").get_by_role("listitem")
    for place, one in enumerate(impact["items"]):
        expect(lines.nth(place)).to_contain_text(f"to {one['score']}")
    expect(lines).to_have_count(len(impact["items"]))
    _deny(server, decision)


def test_edit_and_approve_is_one_step_where_the_policy_lets_editors_decide(
    server: Running, bench: list[str], floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    floor = floors("supervisor")
    page = floor.open(f"/inbox/{decision}")
    _vote(page, "Edit").click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_label("Parameters")
    box.fill(box.input_value().replace('"file-0.py"', "1.5"))
    dialog.get_by_role("button", name="Edit and approve").click()
    expect(dialog.get_by_label("Parameters")).to_have_attribute(
        "aria-invalid", "true"
    )  # refused at the field
    floor.shot("inbox-edit-refused")
    box.fill(box.input_value().replace("1.5", '"file-9.py"'))
    dialog.get_by_label("Why").fill("the ninth was meant")
    dialog.get_by_role("button", name="Edit and approve").click()
    expect(page.get_by_text("Edited, and your approval counts")).to_be_visible()
    expect(page.get_by_text("Approved by supervisor")).to_be_visible()
    expect(page.locator("dd").get_by_text("file-9.py")).to_be_visible()

    (grave,) = ask_many(server, 1, type="payment.send", tool="bank")
    page = floors("director").open(f"/inbox/{grave}")
    _vote(page, "Edit").click()
    dialog = page.get_by_role("dialog")
    box = dialog.get_by_label("Parameters")
    box.fill(box.input_value().replace("file-0.py", "file-1.py"))
    dialog.get_by_role("button", name="Edit and approve").click()
    expect(page.get_by_text("Edited, not approved.", exact=False)).to_be_visible()
    after = page.url.rpartition("/")[2]
    assert after != grave and votes(server, after) == []


def test_directors_force_with_a_reason_and_another_person_reviews_it(
    server: Running, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    plain = floors("supervisor").open(f"/inbox/{decision}")
    _vote(plain, "Approve").wait_for()
    expect(plain.get_by_role("button", name="Force…")).to_have_count(0)
    floor = floors("director")
    page = floor.open(f"/inbox/{decision}")
    page.get_by_role("button", name="Force…").click()
    dialog = page.get_by_role("dialog")
    do_it = dialog.get_by_role("button", name="Force it")
    dialog.get_by_label("I have read what will run", exact=False).check()
    expect(do_it).to_be_disabled()  # no reason yet
    dialog.get_by_label("Why it cannot wait").fill("the site is down")
    assert "\n".join(floor.axe()) == ""
    floor.shot("inbox-force")
    do_it.click()
    expect(page.get_by_text("Forced past the people", exact=False).first).to_be_visible()
    expect(page.get_by_text("the site is down", exact=False).first).to_be_visible()
    expect(page.get_by_role("group", name="Your review")).to_have_count(0)  # not of one's own
    reviewing = plain.get_by_role("group", name="Your review")
    reviewing.get_by_role("button", name="Object").click(timeout=20_000)
    plain.get_by_role("dialog").get_by_label("Comment").fill("it was up")
    plain.get_by_role("dialog").get_by_role("button", name="Object").click()
    expect(plain.get_by_text("it was not right to force it", exact=False)).to_be_visible()
    expect(reviewing).to_have_count(0)
    expect(page.get_by_text("it was not right to force it", exact=False)).to_be_visible(timeout=20_000)
    floor.shot("inbox-forced")


def _force(page: Page, why: str) -> Locator:
    """The filled-in dialog, before it is sent."""
    page.get_by_role("button", name="Force…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("I have read what will run", exact=False).check()
    dialog.get_by_label("Why it cannot wait").fill(why)
    return dialog


def _keep_stale(page: Page, path: str) -> None:
    """What is at a path stays for this window as it was read first."""
    kept: list[Any] = []

    def answer(route: Any) -> None:
        if not kept:
            kept.append(route.fetch())
        route.fulfill(response=kept[0])

    page.route(lambda url: url.partition("?")[0].endswith(path), answer)


def test_at_level_4_one_director_is_not_enough_and_not_two(
    server: Running, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="payment.send", tool="bank")
    one, other = floors("director"), floors(SECOND)
    mine, again = one.open(f"/inbox/{decision}"), one.window()
    _keep_stale(again, f"/api/v1/decisions/{decision}")
    one.open(f"/inbox/{decision}", again)
    theirs = other.open(f"/inbox/{decision}")
    first, stale = _force(mine, "the payroll is due"), _force(again, "once more, by the same person")
    expect(first).to_contain_text("it takes two: nothing runs until a second person forces it too")
    first.get_by_role("button", name="Force it").click()
    expect(mine.get_by_text("a second person has to force it too", exact=False)).to_be_visible()
    # The same person, in a window that does not know of it yet: refused, and told why.
    stale.get_by_role("button", name="Force it").click()
    expect(stale.get_by_role("alert")).to_contain_text("a second person forces it too")
    one.shot("inbox-force-twice", again)
    expect(one.open(f"/inbox/{decision}").get_by_role("button", name="Force…")).to_have_count(0)
    auditor = server.client(server.person("auditor"))
    assert auditor.get(f"/api/v1/decisions/{decision}").json()["decision"]["status"] == "pending"
    # The other person is told who came before, and is the second.
    second = _force(other.open(f"/inbox/{decision}"), "it is, I looked")
    expect(second).to_contain_text("director wants to force it; you would be the second.")
    other.shot("inbox-force-second")
    second.get_by_role("button", name="Force it").click()
    expect(theirs.get_by_text("Forced past the people", exact=False).first).to_be_visible()
    for why in ("the payroll is due", "it is, I looked"):
        expect(mine.get_by_text(why, exact=False).first).to_be_visible(timeout=20_000)
    now = auditor.get(f"/api/v1/decisions/{decision}").json()["decision"]
    assert (now["status"], len(now["forced_by"])) == ("approved", 2)


def test_a_tribunal_and_a_committee_are_followed_in_two_windows(
    server: Running, bench: list[str], floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="payment.send", tool="bank")
    one, other = floors("director"), floors(SECOND)
    mine, theirs = one.open(f"/inbox/{decision}"), other.open(f"/inbox/{decision}")
    expect(mine.get_by_text("0 of 3 have spoken.", exact=False)).to_be_visible()
    place = f"/api/v1/tribunals/{decision}/vote"
    for number, key in enumerate(bench, 1):
        said = {"vote": "approve", "confidence_milli": 900, "reasoning": f"I looked {CANARY}"}
        assert server.client(key).post(place, json=said).status_code == 200
        spoken = f"{number} of 3 have spoken." if number < 3 else "all who spoke agree"
        for page in (mine, theirs):
            expect(page.get_by_label("Tribunal")).to_contain_text(spoken, timeout=20_000)
    assert mine.evaluate("window.caught") is None
    _decide(mine, "Approve")
    expect(theirs.get_by_role("img", name="1 of 2 approvals", exact=False)).to_be_visible(timeout=20_000)
    other.shot("inbox-committee")
    one.open(f"/inbox/{decision}")
    expect(mine.get_by_text("You have voted.")).to_be_visible()
    _decide(theirs, "Approve")
    expect(mine.get_by_text("Approved by", exact=False)).to_be_visible(timeout=20_000)
    expect(mine.get_by_role("img", name="2 of 2 approvals", exact=False)).to_be_visible()


@pytest.mark.parametrize("phone", [False, True])
def test_who_came_by_a_link_that_another_made_is_shown_where_to_sign_in(
    server: Running, chromium: Browser, floors: Callable[..., Floor], phone: bool
) -> None:
    (decision,) = ask_many(server, 1, type="payment.send", tool="bank")
    path = server.client(server.person("admin")).post(
        f"/api/v1/people/{server.person('director').id}/sign-in-link", json={}
    )
    floor = floors("director", phone=phone)
    floor.context.clear_cookies()
    floor.page.goto(server.url + path.json()["path"])
    floor.page.get_by_role("button").first.click()
    page = floor.open(f"/inbox/{decision}?whose=all")
    expect(page.get_by_text("a sign-in link that somebody else made", exact=False)).to_be_visible()
    expect(page.get_by_role("link", name="set one")).to_have_attribute("href", re.compile("tab=sign-in"))
    for scheme in ("light", "dark") if not phone else ("light",):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_selector(f"[data-mantine-color-scheme={scheme}]")
        page.wait_for_timeout(150)
        assert "\n".join(floor.axe()) == "", scheme
        floor.shot(f"inbox-own-sign-in-{'phone' if phone else scheme}")
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    page.get_by_role("link", name="Sign in with your password").click()
    page.wait_for_url("**/sign-in?next=*")
    next_page = page.locator("input[name=next]").first.get_attribute("value")
    assert next_page == f"/floor/inbox/{decision}?whose=all"
    # Without script, the same way.
    page.goto(f"{server.url}/inbox/{decision}")
    page.get_by_role("link", name="Sign in with your password").click()
    assert page.locator("input[name=next]").first.get_attribute("value") == f"/inbox/{decision}"


def test_a_session_that_ends_falls_to_sign_in_and_gives_back_what_was_typed(
    server: Running, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="file.write", tool="git")
    floor = floors("supervisor")
    page = floor.open(f"/inbox/{decision}?whose=role")
    _vote(page, "Deny").click()
    page.get_by_label("Comment, optional").fill("not before the audit")
    person = server.person("supervisor")
    cookie = next(one["value"] for one in floor.context.cookies() if one["name"] == "watchfloor_session")
    session = "_".join(cookie.split("_")[1:3])
    ended = server.client(person).post(f"/api/v1/tokens/{session}/revoke", json={})
    assert ended.status_code == 200, ended.text
    page.wait_for_url(re.compile(r"/sign-in\?next="), timeout=20_000)
    assert votes(server, decision) == []
    page.get_by_label("One-time link").fill(f"{server.url}/sign-in/{server.link(person)}")
    page.get_by_role("button", name="link", exact=False).last.click()
    page.wait_for_url(f"**/floor/inbox/{decision}?whose=role")
    _vote(page, "Deny").click()
    expect(page.get_by_label("Comment, optional")).to_have_value("not before the audit")
    page.get_by_role("group", name="Deny?").get_by_role("button", name="Deny").click()
    expect(page.get_by_text("Denied. The agent was told, nothing runs.").first).to_be_visible()
    assert [one["comment"] for one in votes(server, decision)] == ["not before the audit"]


def test_on_a_phone_it_is_found_read_and_approved_with_a_thumb(
    server: Running, floors: Callable[..., Floor]
) -> None:
    (decision,) = ask_many(server, 1, type="database.query", tool="git")
    floor = floors("director", phone=True)
    page = floor.open("/inbox")
    page.get_by_role("button", name="database.query").first.tap()
    page.wait_for_url(f"**/inbox/{decision}")
    _vote(page, "Approve").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    floor.shot("inbox-phone-bar")
    for name in ("Approve", "Deny", "Force…"):
        box = page.get_by_role("button", name=name).first.bounding_box()
        assert box is not None and box["height"] >= 36 and box["x"] + box["width"] <= 390, (name, box)
    _vote(page, "Approve").tap()
    confirm = page.get_by_role("group", name="Approve?").get_by_role("button", name="Approve")
    floor.shot("inbox-phone-confirm")
    confirm.tap()
    expect(page.get_by_text("Approved. The agent has its single-use grant.").first).to_be_visible()
    assert [one["vote"] for one in votes(server, decision)] == ["approve"]


def test_views_are_kept_by_the_server_renamed_and_deleted(
    server: Running, floors: Callable[..., Floor]
) -> None:
    floor = floors("supervisor")
    page = floor.open("/decisions?status=denied")
    page.get_by_role("button", name="Saved views").click()
    page.get_by_label("Name of the view").fill("No means no")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("button", name="No means no", exact=True)).to_be_visible()
    assert "\n".join(floor.axe()) == ""
    floor.shot("saved-views")
    other = floors("supervisor").open("/decisions")  # another browser of the same person
    other.get_by_role("button", name="Saved views").click()
    other.get_by_role("button", name="No means no", exact=True).click()
    other.wait_for_url("**/decisions?status=denied")
    other.get_by_role("button", name="Saved views").click()
    other.get_by_role("button", name="Rename No means no").click()
    other.get_by_label("Name", exact=True).fill("Denied ones")
    other.get_by_role("button", name="Rename", exact=True).click()
    client = server.client(server.person("supervisor"))
    expect(other.get_by_text("It is “Denied ones” now")).to_be_visible()
    kept = client.get("/api/v1/saved-views?page=decisions").json()["items"]
    assert [(one["name"], one["state"]) for one in kept] == [("Denied ones", "status=denied")]
    other.get_by_role("button", name="Saved views").click()
    other.get_by_role("button", name="Delete Denied ones").click()
    expect(other.get_by_role("button", name="Denied ones", exact=True)).to_have_count(0)
    assert client.get("/api/v1/saved-views?page=decisions").json()["items"] == []


def test_an_escalation_arrives_in_an_open_inbox(climbing: Page) -> None:
    expect(climbing.get_by_text("Nobody has answered: step 1 of 3", exact=False)).to_be_visible(
        timeout=LADDER_MS + 30_000
    )
    story = climbing.get_by_role("list").filter(has_text="Waiting for one supervisor")
    expect(story).to_contain_text("Nobody decided: step 1 of the escalation")
