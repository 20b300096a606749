"""Versions of an agent: what it was told and may use, who approved it, and what it says it runs with (spec 2.1, K10).

Theory of operation
-------------------
Version 1 comes with the registration. A further one is *proposed* on top of the version in force, and put in force by an
action that goes through the gate (`agent.activate_version`, level 3 by default): the request is an ordinary request, its
decision an ordinary decision, and when it is granted the platform itself starts it, in the same batch
(processes/versioning.py). So versions form one chain: what is put in force names the one that was in force when it was
proposed, and a proposal on top of a version that is no longer in force cannot be activated. A rollback is a version like
any other whose contents are those of an earlier one.

The agent says in `hello` which prompt and tool descriptions it runs with, as digests. Where its version pins none, the
first ones it presents become the version's. Digests that no version in force now or earlier had are a change behind
people's backs ("rug pull"): the agent is quarantined until a version with these digests is put in force, or a person
releases it, in which case presenting them again quarantines it again.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from watchfloor.fleet.agent import Agent, Version, in_service, known
from watchfloor.fleet.messages import (
    ActivateVersion,
    ActivationEnded,
    ActivationRequested,
    AgentQuarantined,
    AgentReleased,
    EndActivation,
    IdentityChanged,
    IdentityPinned,
    NoteActivation,
    PresentIdentity,
    ProposeVersion,
    VersionActivated,
    VersionProposed,
)
from watchfloor.kernel.folds import Changes, once
from watchfloor.kernel.limits import VERSIONS_KEPT_MAX
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name, check_names, check_reason
from watchfloor.kernel.subject import Decide, Evolve, Given

CHANGED = "identity_changed"
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?\Z")


def find(agent: Agent, number: int) -> Version | None:
    """The version of that number, unless it is forgotten."""
    return next((version for version in agent.versions if version.number == number), None)


def in_force(agent: Agent) -> Version:
    """The version in force."""
    found = find(agent, agent.active)
    assert found is not None, "the version in force is never forgotten"
    return found


def check_digest(digest: str, field: str) -> None:
    """Hex SHA-256 or nothing; refused with `invalid_digest`."""
    if not _DIGEST.match(digest):
        raise Refused("invalid_digest", "takes 64 lower-case hex digits", field=field, status=422)


# What is asked for --------------------------------------------------------------------------------------------------


def propose(state: Agent | None, command: ProposeVersion, given: Given) -> list[Draft]:
    """The next number, on top of the version in force. What is not said is as it was."""
    agent = in_service(state)
    check_reason(command.reason)
    now = in_force(agent)
    number = agent.versions[-1].number + 1
    if command.rollback_to:
        back = find(agent, command.rollback_to)
        if back is None or not back.activated_at:
            detail = "one goes back to a version that was in force"
            raise Refused("unknown_version", detail, field="/to", status=404)
        if back.number == now.number:
            raise Refused("already_in_force", "this version is in force", field="/to")
        facts = VersionProposed(
            label=back.label,
            number=number,
            previous=now.number,
            prompt_digest=back.prompt_digest,
            reason=command.reason,
            rollback_to=back.number,
            tools=back.tools,
            tools_digest=back.tools_digest,
        )
        return [Draft(facts=facts)]
    check_names(command.tools, "/tools")
    check_digest(command.prompt_digest, "/prompt_digest")
    check_digest(command.tools_digest, "/tools_digest")
    if command.label:
        check_name(command.label, "/label")
    facts = VersionProposed(
        label=command.label or now.label,
        number=number,
        previous=now.number,
        prompt_digest=command.prompt_digest or now.prompt_digest,
        reason=command.reason,
        rollback_to=0,
        tools=command.tools,
        tools_digest=command.tools_digest or now.tools_digest,
    )
    return [Draft(facts=facts, private=command.private)]


def check_activation(state: Agent | None, number: int) -> None:
    """Raises Refused when this version cannot be put in force as things stand."""
    agent = in_service(state)
    version = find(agent, number)
    if version is None:
        raise Refused("unknown_version", "the agent has no such version", status=404)
    if version.activated_at:
        raise Refused("already_in_force", "this version was in force already; roll back to it instead")
    if agent.activating:
        raise Refused("activation_pending", f"version {agent.activating} is being decided on")
    if version.previous != agent.active:
        detail = f"it was proposed on top of version {version.previous}, and {agent.active} is in force"
        raise Refused("version_outdated", f"{detail}; propose it anew")


def note_activation(state: Agent | None, command: NoteActivation, given: Given) -> list[Draft]:
    """One version at a time is on its way."""
    agent = in_service(state)
    if agent.activation == command.action:
        return []
    check_activation(agent, command.number)
    return [Draft(facts=ActivationRequested(action=command.action, by=command.by, number=command.number))]


def end_activation(state: Agent | None, command: EndActivation, given: Given) -> list[Draft]:
    """The people did not agree, or not in time."""
    agent = known(state)
    if not agent.activating or agent.activation != command.action:
        return []
    facts = ActivationEnded(action=command.action, number=agent.activating, reason=command.reason)
    return [Draft(facts=facts)]


def activate(state: Agent | None, command: ActivateVersion, given: Given) -> list[Draft]:
    """Put it in force. It ends the quarantine that a change of identity had led to: this is the approval it waited for."""
    agent = in_service(state)
    version = find(agent, agent.activating)
    if version is None or agent.activation != command.action:
        raise Refused("no_activation", "no version of this agent is being put in force by this action")
    drafts = [
        Draft(
            facts=VersionActivated(
                action=command.action,
                approved_by=command.approved_by,
                label=version.label,
                number=version.number,
                previous=agent.active,
                rollback=bool(version.rollback_to),
                tools=version.tools,
            )
        )
    ]
    if agent.quarantined and agent.quarantined_reason == CHANGED and _approved(version, agent.presented):
        drafts.append(Draft(facts=AgentReleased(reason=f"version {version.number} was approved")))
    return drafts


def _approved(version: Version, presented: tuple[str, str]) -> bool:
    """Does the version stand for what the agent presented?"""
    pinned = (version.prompt_digest, version.tools_digest)
    return all(not said or not pin or said == pin for said, pin in zip(presented, pinned, strict=True))


def _exactly(version: Version, presented: tuple[str, str]) -> bool:
    """Did it pin just what the agent presented? What an earlier version left open approves nothing."""
    return all(
        not said or said == pin
        for said, pin in zip(presented, (version.prompt_digest, version.tools_digest), strict=True)
    )


def present(state: Agent | None, command: PresentIdentity, given: Given) -> list[Draft]:
    """Pinned at the first sight, no news when it is as approved, quarantine when it is not."""
    agent = in_service(state)
    check_digest(command.prompt_digest, "/prompt_digest")
    check_digest(command.tools_digest, "/tools_digest")
    now = in_force(agent)
    said = (command.prompt_digest, command.tools_digest)
    earlier = (version for version in agent.versions if version.activated_at and version is not now)
    if not _approved(now, said) and not any(_exactly(version, said) for version in earlier):
        if agent.quarantined and agent.presented == said:
            return []
        changed = IdentityChanged(number=now.number, prompt_digest=said[0], tools_digest=said[1])
        drafts = [Draft(facts=changed)]
        if not agent.quarantined:
            drafts.append(Draft(facts=AgentQuarantined(reason=CHANGED)))
        return drafts
    news = (said[0] and not now.prompt_digest) or (said[1] and not now.tools_digest)
    if not news or not _approved(now, said):
        return []
    pinned = IdentityPinned(
        number=now.number,
        prompt_digest=now.prompt_digest or said[0],
        tools_digest=now.tools_digest or said[1],
    )
    return [Draft(facts=pinned)]


# What happened ------------------------------------------------------------------------------------------------------


def proposed(agent: Agent, facts: VersionProposed, event: Event) -> Changes:
    back = find(agent, facts.rollback_to)
    version = Version(
        number=facts.number,
        label=facts.label,
        tools=facts.tools,
        prompt_digest=facts.prompt_digest,
        tools_digest=facts.tools_digest,
        content=back.content if back is not None else event.seq,
        previous=facts.previous,
        rollback_to=facts.rollback_to,
    )
    versions = (*agent.versions, version)
    if len(versions) > VERSIONS_KEPT_MAX:
        forgotten = next(
            (old for old in versions if old.number not in (agent.active, agent.activating, facts.number)),
            None,
        )
        versions = tuple(old for old in versions if old is not forgotten)
    return {"versions": versions}


def requested(agent: Agent, facts: ActivationRequested, event: Event) -> Changes:
    return {"activating": facts.number, "activation": facts.action}


def ended(agent: Agent, facts: ActivationEnded, event: Event) -> Changes:
    return {"activating": 0, "activation": 0} if agent.activation == facts.action else {}


def activated(agent: Agent, facts: VersionActivated, event: Event) -> Changes:
    version = find(agent, facts.number)
    if version is None:
        return {}
    return {
        "active": version.number,
        "activating": 0,
        "activation": 0,
        "tools": version.tools,
        "version": version.label,
        "versions": _with(agent, msgspec.structs.replace(version, activated_at=event.at)),
    }


def pinned(agent: Agent, facts: IdentityPinned, event: Event) -> Changes:
    version = find(agent, facts.number)
    if version is None:
        return {}
    seen = msgspec.structs.replace(
        version, prompt_digest=facts.prompt_digest, tools_digest=facts.tools_digest
    )
    return {"versions": _with(agent, seen), "presented": (facts.prompt_digest, facts.tools_digest)}


def changed(agent: Agent, facts: IdentityChanged, event: Event) -> Changes:
    return {"presented": (facts.prompt_digest, facts.tools_digest)}


def _with(agent: Agent, version: Version) -> tuple[Version, ...]:
    return tuple(version if old.number == version.number else old for old in agent.versions)


DECIDE: Mapping[type[Command], Decide] = {
    ProposeVersion: propose,
    NoteActivation: note_activation,
    EndActivation: end_activation,
    ActivateVersion: activate,
    PresentIdentity: present,
}
EVOLVE: Mapping[type[Facts], Evolve] = {
    VersionProposed: once(proposed),
    ActivationRequested: once(requested),
    ActivationEnded: once(ended),
    VersionActivated: once(activated),
    IdentityPinned: once(pinned),
    IdentityChanged: once(changed),
}
FACTS: tuple[type[Facts], ...] = tuple(EVOLVE)
