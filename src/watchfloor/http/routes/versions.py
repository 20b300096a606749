"""Versions of an agent: proposed, decided on like any action, put in force, taken back (spec 2.1; fault K10)."""

from __future__ import annotations

import difflib
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.actions.messages import ActionDecided, RequestAction
from watchfloor.engine.requests import Lane
from watchfloor.fleet import messages as fleet
from watchfloor.fleet.agent import Agent, Version
from watchfloor.fleet.versions import find, in_force
from watchfloor.http import lists
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import identity as wire
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply
from watchfloor.http.routes import agents
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.limits import INTEGER_MAX, PROMPT_BYTES_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.terms import ACTIVATE_VERSION


def digest_of(text: str) -> str:
    """Hex SHA-256 of a text's UTF-8 bytes."""
    return sha256(text.encode()).hexdigest()


async def propose_version(call: Call) -> Reply:
    """Propose prompt and tool permissions, and ask whether they may be put in force.

    What is absent is as in the version in force. People who neither own the agent nor ask for this decide (level 3 by
    default); the version is in force the moment they agree.
    """
    body: wire.ProposeVersionBody = call.body
    subject, agent = await agents.find(call)
    now = in_force(agent)
    texts = await _texts(call, now)
    prompt = texts.get("prompt") if body.prompt is None else body.prompt
    descriptions = texts.get("descriptions") if body.descriptions is None else body.descriptions
    private = encoded({"descriptions": descriptions, "prompt": prompt})
    if len(private) > 2 * PROMPT_BYTES_MAX:
        raise Refused("too_large", "prompt and descriptions together are too long", status=413)
    command = fleet.ProposeVersion(
        subject=subject,
        reason=body.reason,
        label=body.label,
        tools=now.tools if body.tools is None else body.tools,
        prompt_digest=body.prompt_digest or ("" if body.prompt is None else digest_of(body.prompt)),
        tools_digest=body.tools_digest
        or ("" if body.descriptions is None else sha256(encoded(body.descriptions)).hexdigest()),
        private=private,
    )
    return await _proposed(call, subject, command, activate=body.activate)


async def rollback_version(call: Call) -> Reply:
    """Go back to an earlier version in one call: a new one with its contents, decided on like any other."""
    body: wire.RollbackBody = call.body
    subject, agent = await agents.find(call)
    to = body.to or in_force(agent).previous
    if not to:
        raise Refused("unknown_version", "there is no version before this one", field="/to", status=404)
    command = fleet.ProposeVersion(subject=subject, reason=body.reason, rollback_to=to)
    return await _proposed(call, subject, command, activate=True)


async def _proposed(call: Call, subject: int, command: fleet.ProposeVersion, *, activate: bool) -> Reply:
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    facts = event.facts
    assert isinstance(facts, fleet.VersionProposed)
    if recorded.replayed or not activate:
        return Reply(
            body=wire.VersionAnswer(
                agent_id=call.id_of("agent", subject), number=facts.number, seq=recorded.seq
            )
        )
    return Reply(body=await _ask_the_gate(call, subject, facts.number, command.reason, keyed=False))


async def activate_version(call: Call) -> Reply:
    """Ask whether a proposed version may be put in force."""
    reason: fields.Reason = call.body
    subject, _ = await agents.find(call)
    answer = await _ask_the_gate(call, subject, _number(call), reason.reason, keyed=True)
    return Reply(body=answer)


def _number(call: Call) -> int:
    text: str = call.path["number"]
    if not text.isdecimal() or not text.isascii() or len(text) > 9:
        raise not_found("version")
    return int(text)


async def _ask_the_gate(
    call: Call, subject: int, number: int, reason: str, *, keyed: bool
) -> wire.VersionAnswer:
    agent: Agent = call.state("agent", subject)
    version = find(agent, number)
    if version is None:
        raise not_found("version")
    params = await _params(call, subject, agent, version)
    action = encoded({"params": params, "tool": "", "type": ACTIVATE_VERSION})
    command = RequestAction(
        agent=subject,
        type=ACTIVATE_VERSION,
        params=params,
        action=action,
        private=encoded({"action": msgspec.Raw(action), "reason": reason}),
        generation=number,
    )
    request = call.request(command, lane=Lane.PEOPLE, keyed=keyed)
    request.command = msgspec.structs.replace(command, salt=request.entropy)
    answer = await call.submit(request)
    event = answer.event if not answer.replayed else await call.event(answer.seq)
    assert event is not None
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    state = call.state("action", event.subject)
    waiting = call.read("waiting", event.subject) or (state.decision if state is not None else 0)
    return wire.VersionAnswer(
        agent_id=call.id_of("agent", subject),
        number=facts.generation,
        seq=event.seq,
        verdict=facts.verdict,
        action_id=public_id("action", event.subject, facts.nonce),
        decision_id=call.id_of("decision", waiting),
        level=facts.level,
    )


async def _params(call: Call, subject: int, agent: Agent, version: Version) -> dict[str, Any]:
    """What people see of it on the decision page: numbers, digests, and the difference as a diff."""
    now = in_force(agent)
    older, newer = await _texts(call, now), await _texts(call, version)
    return {
        "agent": public_id("agent", subject, agent.nonce),
        "agent_version": version.number,
        "name": agent.name,
        "patch": difference(now, version, older, newer),
        "previous": now.number,
        "prompt_digest": version.prompt_digest,
        "rollback_to": version.rollback_to,
        "tools_digest": version.tools_digest,
    }


def difference(old: Version, new: Version, older: dict[str, Any], newer: dict[str, Any]) -> str:
    """One unified diff of prompt, tool permissions and tool descriptions; empty when the texts are the same."""
    parts = [
        unified(f"prompt of version {old.number}", f"prompt of version {new.number}", older, newer),
        _diff(
            "tools before",
            "tools after",
            "\n".join(old.tools) or "every tool",
            "\n".join(new.tools) or "every tool",
        ),
        _diff("descriptions before", "descriptions after", _shown(older), _shown(newer)),
    ]
    return "".join(part for part in parts if part)


def unified(old: str, new: str, older: dict[str, Any], newer: dict[str, Any]) -> str:
    """The difference of two prompts."""
    return _diff(old, new, older.get("prompt") or "", newer.get("prompt") or "")


def _shown(texts: dict[str, Any]) -> str:
    found = texts.get("descriptions")
    return "" if found is None else msgspec.json.format(encoded(found), indent=2).decode()


def _diff(old: str, new: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), old, new, lineterm="")
    return "".join(f"{line}\n" for line in lines)


async def _texts(call: Call, version: Version) -> dict[str, Any]:
    """Prompt and descriptions of a version; nothing when they were erased or never given."""
    return (await call.privates([version.content])).get(version.content, {})


async def list_versions(call: Call) -> Reply:
    """Versions of an agent with what came of the work under each, newest first."""
    subject, _ = await agents.find(call)
    await lists.viewed(call, "agents", "agent", subject)
    rows, following = await lists.page(call, "agent_versions", ("number",), {"agent": subject})
    items = tuple(item(row) for row in rows)
    return Reply(body=wire.VersionPage(items=items, next=following, seq=call.view_seq))


def item(row: dict[str, Any]) -> wire.VersionItem:
    """A row of `agent_versions` as lists show it."""
    tasks, spent_us = row["tasks"], row["completion_us"]
    return wire.VersionItem(
        number=row["number"],
        state=row["state"],
        label=row["label"],
        reason=row["reason"],
        previous=row["previous"],
        rollback_to=row["rollback_to"],
        is_rollback=bool(row["rollback_to"]),
        tools=lists.listed(row["tools"]),
        prompt_digest=row["prompt_digest"],
        tools_digest=row["tools_digest"],
        proposed_at=row["proposed_at"],
        proposed_by=row["proposed_by"],
        approved_by=lists.listed(row["approved_by"]),
        activated_at=row["activated_at"],
        ended_at=row["ended_at"],
        tasks=tasks,
        success_milli=row["succeeded"] * 1_000 // tasks if tasks else None,
        completion_ms_mean=None if spent_us is None else spent_us // 1_000,
        reviews_positive=row["reviews_positive"],
        reviews_negative=row["reviews_negative"],
    )


async def get_version(call: Call) -> Reply:
    """One version with its prompt and tool descriptions. An agent reads its own."""
    subject, agent = await agents.find(call)
    number = _number(call)
    row = await lists.row(call, "agent_versions", agent=subject, number=number)
    version = find(agent, number)
    if row is None:
        if version is None:
            raise not_found("version")
        raise lists.view_behind(call.view_seq)
    content = version.content if version is not None else row["content_seq"]
    texts = (await call.privates([content])).get(content, {})
    detail = wire.VersionDetail(
        version=item(row),
        prompt=texts.get("prompt"),
        descriptions=texts.get("descriptions"),
        seq=call.view_seq,
    )
    return Reply(body=detail)


async def diff_versions(call: Call) -> Reply:
    """What is different between two versions."""
    params: wire.DiffParams = call.params
    _, agent = await agents.find(call)
    new = find(agent, min(params.newer, INTEGER_MAX) or agent.active)
    old = find(agent, params.older or (new.previous if new is not None else 0)) or new
    if new is None or old is None or (params.older and old.number != params.older):
        raise not_found("version")
    older, newer = await _texts(call, old), await _texts(call, new)
    before, after = ("listed" if version.tools else "every tool" for version in (old, new))
    return Reply(
        body=wire.VersionDiff(
            older=old.number,
            newer=new.number,
            prompt=unified(f"version {old.number}", f"version {new.number}", older, newer),
            prompt_changed=old.prompt_digest != new.prompt_digest,
            tools_added=tuple(tool for tool in new.tools if tool not in old.tools),
            tools_removed=tuple(tool for tool in old.tools if tool not in new.tools),
            tools_all="" if before == after else f"{before} → {after}",
            descriptions_changed=old.tools_digest != new.tools_digest,
            seq=call.view_seq,
        )
    )
