"""Trust & policy: forms and text, what loosens, tried before applied, proposals, revert, shadows, on call (spec 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Floor, looks
from tests.browser.seeding import Seeded
from tests.integration.http.kit import Running

HOUR = 3_600_000_000


def _on_call(server: Running) -> None:
    """Two people take turns."""
    people = [server.person("operator").id, server.person("supervisor").id]
    layer = {"members": people, "start": "2026-10-26T09:00", "shift_hours": 168}
    body = {"name": "on_call", "time_zone": "Europe/Berlin", "layers": [layer]}
    answer = server.client(server.person("supervisor")).post("/api/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text


def _tighter(server: Running, reason: str = "twenty are enough", **auto: Any) -> httpx2.Response:
    """A version that only tightens, applied through the API."""
    director = server.client(server.person("director"))
    now = director.get("/api/v1/policy")
    document = now.json()["document"]
    document["auto"] = {**document["auto"], **(auto or {"per_hour": document["auto"]["per_hour"] - 1})}
    return director.put(
        "/api/v1/policy", params={"reason": reason}, json=document, headers={"if-match": now.headers["etag"]}
    )


@pytest.fixture(scope="module")
def governed(server: Running, seeded: Seeded) -> Seeded:
    """Versions, a schedule, a standing approval, a shadow, a stop that is eased and one that is lifted."""
    _on_call(server)
    assert _tighter(server, per_hour=20).status_code == 200
    supervisor, director = (
        server.client(server.person("supervisor")),
        server.client(server.person("director")),
    )
    standing = {
        "agent_id": seeded.agents["log-reader"],
        "type": "file.write",
        "expires_at": server.engine.clock() + 3 * HOUR,
    }
    assert supervisor.post("/api/v1/standing-approvals", json=standing).status_code == 201
    shadow = director.post(
        "/api/v1/policy/shadows", json={"name": "as_founded", "version": 1, "reason": "a look back"}
    )
    assert shadow.status_code == 201, shadow.text
    stop = {"scope": "action_type", "target": "payment.refund", "reason": "refunds doubled since noon"}
    stopped = supervisor.post("/api/v1/stops", json=stop).json()["stop_id"]
    eased = {"scope": "agent", "target": seeded.agents["log-reader"], "reason": "reads only"}
    assert director.post(f"/api/v1/stops/{stopped}/ease", json=eased).status_code == 200
    drill = supervisor.post(
        "/api/v1/stops", json={"scope": "tool", "target": "ftp", "reason": "drill"}
    ).json()
    assert (
        director.post(f"/api/v1/stops/{drill['stop_id']}/lift", json={"reason": "drill over"}).status_code
        == 200
    )
    return seeded


def _number(page: Page, label: str, value: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.blur()


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("policy", "/policy"),
        ("policy-edit", "/policy/edit"),
        ("policy-versions", "/policy/versions"),
        ("policy-version", "/policy/versions/2"),
        ("policy-shadows", "/policy/shadows"),
        ("policy-shadow", "/policy/shadows/as_founded"),
        ("policy-on-call", "/policy/on-call"),
        ("policy-standing", "/policy/standing"),
    ],
)
@pytest.mark.long
def test_the_pages_of_policy_look_right_everywhere(
    governed: Seeded, floors: Callable[..., Floor], name: str, path: str
) -> None:
    looks(floors, name, path, "director")


def test_what_loosens_is_tried_then_proposed_and_others_decide(
    server: Running, governed: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy/edit")
    page.get_by_role("combobox", name="Medium (25 to 49)").click()
    page.get_by_role("option", name="1 · notify").click()
    bar = page.get_by_role("region", name="Draft")
    expect(bar).to_contain_text("1 change")
    expect(bar).to_contain_text("1 loosen")
    expect(page.get_by_text("was confirm")).to_be_visible()
    assert "medium: 1" in page.get_by_label("The policy as YAML").input_value()
    expect(bar.get_by_role("button", name="Apply")).to_be_disabled()
    page.get_by_role("button", name="Preview and backtest").click()
    expect(page.get_by_text("recorded decisions")).to_be_visible()
    expect(page.get_by_text("changes tier")).to_be_visible()
    floor.shot("policy-tried", page, whole=True)
    assert floor.axe(page) == []
    bar.get_by_role("button", name="Apply").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Propose it")).to_be_disabled()
    dialog.get_by_label("Reason").fill("fewer questions about reads")
    dialog.get_by_role("button", name="Propose it").click()
    page.get_by_role("link", name="See the decision").click()
    page.wait_for_url("**/inbox/dec_*")
    decision = page.url.split("/")[-1]
    supervisor = server.client(server.person("supervisor"))
    found = supervisor.get(f"/api/v1/decisions/{decision}").json()["decision"]
    vote = {"vote": "approve", "digest": found["digest"]}
    assert supervisor.post(f"/api/v1/decisions/{decision}/vote", json=vote).status_code == 200
    page = floor.open("/policy/edit")
    expect(page.get_by_role("combobox", name="Medium (25 to 49)")).to_have_value("1 · notify")
    expect(page.get_by_text("A change waits for other people")).to_have_count(0)


def test_agents_and_types_get_runaway_limits_of_their_own_by_form(
    governed: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy/edit")
    page.get_by_role("button", name="Rates and containment").click()
    types = page.get_by_role("group", name="Types of agents with limits of their own")
    types.get_by_label("A type of agents that gets limits of its own").fill("executor")
    types.get_by_role("button", name="Add a type").click()
    types.get_by_role("group", name="executor").get_by_label("Requests a second").fill("50")
    agents = page.get_by_role("group", name="Agents with limits of their own")
    agents.get_by_role("combobox", name="An agent that gets limits of its own").click()
    page.get_by_role("option", name="log-reader").click()
    of = agents.get_by_role("group", name="log-reader")
    of.get_by_label("Actions in 10 s").fill("5")
    expect(of.get_by_text("as all: 20").first).to_be_visible()
    yaml = page.get_by_label("The policy as YAML")
    expect(yaml).to_have_value(re.compile(r"executor:\n +requests_per_second: 50"))
    expect(yaml).to_have_value(
        re.compile(rf"{governed.agents['log-reader']}:\n(?: +\w+: 0\n)* +executed_per_10s: 5")
    )
    bar = page.get_by_role("region", name="Draft")
    expect(bar).to_contain_text("2 changes")
    of.get_by_label("Throttled in a minute").fill("9")  # a fault of the server's, at its field
    expect(of.get_by_text(re.compile("0 to 8|between|at most"))).to_be_visible()
    of.get_by_label("Throttled in a minute").fill("2")
    expect(of.get_by_text(re.compile("0 to 8|between|at most"))).to_have_count(0)
    assert floor.axe(page) == []
    floor.shot("policy-runaway", page, whole=True)
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    floor.shot("policy-runaway-dark", page, whole=True)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    types.get_by_role("button", name="Remove the limits of executor").click()
    agents.get_by_role("button", name="Remove the limits of log-reader").click()
    expect(yaml).not_to_have_value(re.compile("executor:"))
    expect(bar).to_contain_text("0 changes")


def test_a_text_with_a_fault_is_refused_with_its_place_in_yaml_and_json_and_nothing_is_lost(
    governed: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy/edit")
    page.get_by_text("JSON", exact=True).click()
    box = page.get_by_label("The policy as JSON")
    expect(box).to_have_value(re.compile('"per_hour": 20,'))
    text = box.input_value()
    box.fill(text.replace('"per_hour": 20', '"per_hour": "many"'))
    expect(page.get_by_text("This is no sound policy yet")).to_be_visible()
    place = page.get_by_role("button", name=re.compile(r"auto.per_hour, line \d+"))
    place.click()
    chosen = "e => e.value.slice(e.selectionStart, e.selectionEnd)"
    assert box.evaluate(chosen).strip() == '"per_hour": "many",'
    floor.shot("policy-fault", page)
    assert floor.axe(page) == []
    assert page.get_by_role("button", name="Apply", exact=True).is_disabled()
    assert '"many"' in box.input_value()
    box.fill(text.replace('"per_hour": 20', '"per_hour": 19'))
    expect(page.get_by_role("region", name="Draft")).to_contain_text("1 change")
    page.get_by_text("YAML", exact=True).click()
    expect(page.get_by_label("The policy as YAML")).to_have_value(re.compile("per_hour: 19"))


def test_what_tightens_is_in_force_at_once_and_yaml_and_forms_are_one(
    governed: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("director").open("/policy/edit")
    yaml = page.get_by_label("The policy as YAML")
    expect(yaml).not_to_have_value("")
    text = yaml.input_value()
    broken = text.replace("score_min: 800", "score_min: a lot")
    yaml.fill(broken)
    expect(page.get_by_text("This is no sound policy yet")).to_be_visible()
    expect(page.get_by_text("/auto/score_min")).to_be_visible()
    expect(page.get_by_label("Trust above")).to_be_disabled()
    yaml.fill(text.replace("score_min: 800", "score_min: 850"))
    expect(page.get_by_label("Trust above")).to_have_value("850 of 1000")
    bar = page.get_by_role("region", name="Draft")
    expect(bar).not_to_contain_text("loosen")
    bar.get_by_role("button", name="Apply").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("only the best go on alone")
    dialog.get_by_role("button", name="Apply it").click()
    expect(page.get_by_text("is in force", exact=False).first).to_be_visible()
    expect(bar).to_have_count(0)
    expect(page.get_by_label("Trust above")).to_have_value("850 of 1000")


def test_a_version_comes_back_through_the_same_gate_and_what_waits_is_withdrawn(
    server: Running, governed: Seeded, floors: Callable[..., Floor]
) -> None:
    floor = floors("director")
    page = floor.open("/policy/versions/1?against=now")
    expect(page.get_by_text(re.compile("auto . per hour"))).to_be_visible()
    page.get_by_role("button", name="Revert to this").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill("as it was founded")
    dialog.get_by_role("button", name="Revert to 1").click()
    page.wait_for_url("**/inbox/dec_*")
    supervisor = server.client(server.person("supervisor"))
    newest = supervisor.get("/api/v1/policy/proposals").json()["items"][0]
    assert (newest["revert_to"], newest["state"]) == (1, "pending")
    now = supervisor.get("/api/v1/policy").json()["version"]
    floor.open("/policy/versions")
    row = page.get_by_role("listitem").filter(has_text="as it was founded")
    row.get_by_role("button", name="Withdraw").click()
    dialog.get_by_label("Reason").fill("thought again")
    dialog.get_by_role("button", name="Withdraw it").click()
    expect(row).to_contain_text("cancelled")
    assert supervisor.get("/api/v1/policy/proposals").json()["items"][0]["state"] == "cancelled"
    assert supervisor.get("/api/v1/policy").json()["version"] == now


def test_an_auditor_reads_the_policy_and_changes_nothing(
    governed: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("auditor").open("/policy/edit")
    expect(page.get_by_label("Trust above")).to_be_disabled()
    expect(page.get_by_label("The policy as YAML")).not_to_be_editable()
    page = floors("auditor").open("/policy/versions/99")
    expect(page.get_by_text("There is no such thing")).to_be_visible()


def test_a_pack_becomes_the_draft_and_an_operator_may_try_it_and_is_not_offered_apply(
    governed: Seeded, floors: Callable[..., Floor]
) -> None:
    page = floors("operator").open("/policy/edit")
    page.get_by_role("button", name="Begin from a pack").click()
    page.get_by_role("menuitem", name=re.compile("finance", re.IGNORECASE)).click()
    bar = page.get_by_role("region", name="Draft")
    expect(bar).to_contain_text("changes")
    expect(page.get_by_role("button", name="Preview and backtest")).to_be_enabled()
    expect(page.get_by_role("button", name="Apply", exact=True)).to_have_count(0)
