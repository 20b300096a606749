"""Events as sentences, and the stories they make: timelines of tasks, actions, decisions (spec 7, 10.7).

A sentence says what happened in the words of the glossary, from the event's facts alone; names of people and agents
are looked up when it is told. Types without a sentence are told by their name, so nothing is left out of a story.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from watchfloor.http.asking import Call
from watchfloor.http.bodies.timeline import TimelineItem
from watchfloor.kernel.amounts import UNITS
from watchfloor.kernel.ids import PREFIXES, public_id
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.terms import TIERS

STORY_MAX = 200  # events of one story in one answer
_REASONS = {
    "voted": "by vote",
    "vetoed": "by a veto",
    "tribunal": "by a tribunal of validator agents",
    "unanswered": "because nobody answered in time",
    "unanswerable": "because too few people may decide",
    "grant_expired": "because its grant was not used in time",
}


def people(needed: int, role: str) -> str:
    """How many of whom."""
    return f"one {role}" if needed == 1 else f"{needed} different people with the role {role}"


def _why(reason: str) -> str:
    return _REASONS.get(reason, f"({reason.replace('_', ' ')})") if reason else ""


def _joined(lacks: tuple[str, ...]) -> str:
    return ", ".join(one.replace(":", " ") for one in lacks)


def _verdict(facts: Any) -> str:
    if facts.grant is not None and facts.grant.basis == "observed":
        return f"The gate would have held {facts.action_type} (level {facts.level}, risk {facts.risk}): it is observed only."
    if facts.verdict == "permitted":
        return f"The gate permitted {facts.action_type} at level {facts.level} (risk {facts.risk})."
    if facts.verdict == "pending":
        return f"The gate holds {facts.action_type} for people: level {facts.level}, risk {facts.risk}."
    return f"The gate denied {facts.action_type} (risk {facts.risk})."


def _moved(facts: Any) -> str:
    way = facts.score - facts.score_before
    if facts.tier != facts.tier_before:
        verb = "rose" if facts.tier > facts.tier_before else "fell"
        return f"Trust moved {way:+d} to {facts.score}, and the tier {verb} to {TIERS[facts.tier]}."
    return f"Trust moved {way:+d} to {facts.score}."


Sentence = str | Callable[[Any], str]
SENTENCES: dict[str, Sentence] = {
    "task.submitted/1": lambda f: f"The task was submitted with priority {f.priority}.",
    "task.assigned/1": lambda f: f"Assigned, attempt {f.attempt}.",
    "task.accepted/1": "The agent accepted the task.",
    "task.progressed/1": lambda f: f"Progress {f.percent} %, {f.status}.",
    "task.reported/1": "The agent says it is done; the platform checks.",
    "task.succeeded/1": lambda f: (
        "Succeeded, verified by the platform." if f.verified else "Succeeded (no criteria to check)."
    ),
    "task.attempt_failed/1": lambda f: f"The attempt failed: {f.reason.replace('_', ' ')}.",
    "task.requeued/1": "Back in the queue.",
    "task.dead_lettered/1": lambda f: (
        "A task it waits for did not succeed: dead letter."
        if f.dependency
        else f"It ended in the dead letter: {f.reason.replace('_', ' ')}."
    ),
    "task.orphaned/1": "Its agent disconnected; waiting for it to come back.",
    "task.resumed/1": "The agent came back and went on.",
    "task.cancelled/1": lambda f: (
        "Skipped: a task it waits for did not succeed." if f.dependency else "The task was cancelled."
    ),
    "task.retried/1": "Taken out of the dead letter, with all attempts again.",
    "task.dependency_met/1": "A task it waits for has succeeded.",
    "task.ready/1": "It waits for nothing any more but an agent.",
    "task.paused/1": "The task was paused.",
    "task.unpaused/1": "The task goes on.",
    "task.purged/1": "Taken out of the dead letter for good.",
    "task.stuck/1": lambda f: f"No progress for {f.idle_ms // 1_000} s: stuck.",
    "task.reviewed/1": lambda f: f"Rated {f.verdict} by a person.",
    "tasks.changed/1": lambda f: f"{len(f.tasks)} tasks: {f.operation}.",
    "task.reported_late/1": lambda f: f"A late report ({f.report}) was recorded and ignored.",
    "action.decided/1": _verdict,
    "stop.eased/1": lambda f: f"Lifted for {f.scope.replace('_', ' ')} {f.target}; all else stays stopped.",
    "breaker.half_opened/1": "The open time of the breaker is over: one probe may run.",
    "action.edited/1": lambda f: (
        f"Its parameters were edited; the gate judged it again: level {f.level}, risk {f.risk}."
    ),
    "action.granted/1": lambda f: f"A single-use grant was given ({f.grant.basis}).",
    "action.closed/1": lambda f: f"Closed without being started: {f.reason.replace('_', ' ')}.",
    "action.grant_revoked/1": lambda f: f"The grant was revoked at start: {f.reason.replace('_', ' ')}.",
    "action.grant_misused/1": lambda f: f"The grant was misused ({f.misuse.replace('_', ' ')}): refused.",
    "action.ungated_call/1": "Alarm: the agent reports it done, and no grant was used for it.",
    "action.started/1": "Started; the grant is used up.",
    "action.completed/1": "Completed.",
    "action.failed/1": lambda f: f"Failed: {f.code.replace('_', ' ')}.",
    "action.unknown/1": "No outcome arrived in time: unknown until somebody settles it.",
    "action.retried/1": lambda f: f"Granted once more under the same decision: attempt {f.attempt}.",
    "action.settled/1": lambda f: f"Settled as {f.outcome}.",
    "decision.opened/1": lambda f: (
        f"Waiting for the committee {f.committee}, {f.needed} of {sum(one.weight for one in f.members)}."
        if f.committee
        else f"Waiting for {people(f.needed, f.role)}."
    ),
    "decision.warned/1": "Two thirds of the time are over.",
    "decision.escalated/1": lambda f: (
        f"Nobody decided: step {f.rung} of the escalation, told {', '.join(f.tell)}."
    ),
    "decision.taken_over/1": lambda f: (
        f"{', '.join(f.by)} took over from {f.of}: "
        + {
            "offline": f"not seen for {f.measured // 60_000} min.",
            "overloaded": f"{f.measured} decisions are waiting there.",
        }.get(f.reason, "it is their domain.")
    ),
    "decision.voted/1": lambda f: (
        f"Voted {f.vote}{' by the link of a notice' if f.session == 'link' else ''}"
        f"{', too late to count' if f.late else ''}."
    ),
    "decision.vote_refused/1": lambda f: f"A vote was refused: {f.reason.replace('_', ' ')}.",
    "decision.approved/1": lambda f: (
        "Approved: the quorum is met, also by the policies applied meanwhile."
        if f.also
        else "Approved: the quorum is met."
    ),
    "decision.force_asked/1": lambda f: f"Somebody wants to force it; a second person has to: {f.reason}",
    "decision.forced/1": lambda f: f"Forced past the people (break-glass): {f.reason}",
    "decision.alerted/1": lambda f: (
        f"Alert to {', '.join(f.tell)}: it was forced."
        if f.alert == "forced"
        else f"Alert to {', '.join(f.tell)}: nobody has reviewed that it was forced."
    ),
    "decision.reviewed/1": lambda f: f"Reviewed{' late' if f.late else ''}: forcing it was {f.verdict}.",
    "decision.seen/1": "Somebody opened it.",
    "tribunal.convened/1": lambda f: (
        f"A tribunal of {len(f.members)} validator agents is asked."
        if f.members
        else "There are too few validator agents for a tribunal."
    ),
    "tribunal.voted/1": lambda f: (
        f"A validator said {f.vote}, confidence {f.confidence_milli} of 1000"
        f"{', too late to count' if f.late else ''}."
    ),
    "tribunal.ruled/1": lambda f: (
        f"The tribunal recommends to {f.recommendation} ({f.consensus})."
        if f.recommendation
        else f"The tribunal recommends nothing ({f.consensus.replace('_', ' ')}): people decide."
    ),
    "tribunal.dissolved/1": "The decision was over before the tribunal had ruled.",
    "decision.denied/1": lambda f: (
        f"Denied {_why(f.reason)}{f': {f.missing} more of {_joined(f.lacks)}' if f.lacks else ''}."
    ),
    "decision.expired/1": "Expired: nobody decided in time, so nothing was granted.",
    "decision.cancelled/1": "The decision was cancelled.",
    "trust.changed/1": _moved,
    "trust.reassessed/1": _moved,
    "anomaly.found/1": lambda f: f"An anomaly was found: {f.what.replace('_', ' ')}.",
    "anomaly.acknowledged/1": "Somebody is looking at the anomaly.",
    "anomaly.resolved/1": lambda f: f"The anomaly was resolved: {f.outcome.replace('_', ' ')}.",
    "alert.raised/1": lambda f: f"Alert ({f.severity}): {f.what.replace('_', ' ')}.",
    "alert.worsened/1": lambda f: f"The alert got worse: {f.severity}.",
    "alert.acknowledged/1": "Somebody looks at the alert.",
    "alert.resolved/1": lambda f: f"The alert is over ({f.how}).",
    "stop.recorded/1": lambda f: f"Stopped: {f.scope.replace('_', ' ')}{' ' + f.target if f.target else ''}.",
    "stop.lifted/1": "The stop was lifted.",
    "task.estimated/1": "What it is expected to take and to be worth was said.",
    "task.assessed/1": lambda f: (
        f"Assessed by {'the system' if f.by == 'system' else 'a person'}: worth {f.value_micro} micro units of money."
    ),
    "budget.set/1": lambda f: f"A budget was set: {f.limit} {UNITS[f.measure]} per {f.period}.",
    "budget.changed/1": lambda f: f"The limit of a budget is now {f.limit}, it was {f.limit_before}.",
    "budget.removed/1": "A budget was removed.",
    "budget.warned/1": lambda f: (
        f"{f.spent + f.reserved} of {f.limit} are spent or reserved: a budget runs low."
    ),
    "budget.exhausted/1": lambda f: (
        f"{'A budget is used up' if f.spent >= f.limit else 'A budget turned something away'}: {f.spent} of {f.limit} spent, {f.reserved} reserved"
        f"{f', {f.asked} more asked' if f.asked else ''}."
    ),
    "budget.renewed/1": "A new period of a budget began.",
    "person.channel_noted/1": lambda f: f"The channel {f.name} ({f.means}) was {f.change}.",
    "organisation.channel_noted/1": lambda f: f"The shared channel {f.name} ({f.means}) was {f.change}.",
    "organisation.notice_undelivered/1": lambda f: f"A notice was taken by none of {', '.join(f.names)}.",
    "person.notice_undelivered/1": lambda f: f"A notice reached somebody by none of {f.channels} channels.",
    "schedule.set/1": lambda f: f"The on-call schedule {f.name} was set.",
    "schedule.changed/1": "An on-call schedule was changed.",
    "schedule.overridden/1": lambda f: (
        "Somebody takes over on call for a while."
        if f.person
        else "An override of a schedule was taken back."
    ),
    "schedule.removed/1": "An on-call schedule was removed.",
    "bypass.opened/1": lambda f: (
        f"Nobody is asked about level 2 for a time ({f.action_type or 'every type'}): {f.reason}"
    ),
    "action.secret_disclosed/1": lambda f: (
        f"What was reported holds a secret ({', '.join(f.secrets).replace('_', ' ')}): a security violation."
    ),
    "dry_run.judged/1": lambda f: (
        f"Asked without asking for it: {f.action_type} would be {f.verdict} (level {f.level})."
    ),
    "bypass.ended/1": "The bypass was taken back: people are asked again.",
    "standing.granted/1": lambda f: f"{f.action_type} is trusted for this agent for a time.",
    "standing.revoked/1": lambda f: f"The standing approval for {f.action_type} was revoked.",
    "chat.opened/1": "A chat with the agent was opened.",
    "chat.told/1": lambda f: f"Message {f.number}, to the agent.",
    "chat.answered/1": lambda f: f"Message {f.number}, by the agent.",
    "chat.closed/1": "The chat was closed.",
    "chat.task_linked/1": lambda f: f"Made from message {f.number} of a chat.",
    "message.sent/1": lambda f: f"Message {f.number} to the agent.",
    "channel.opened/1": lambda f: f"The channel {f.name} was opened.",
    "channel.joined/1": "An agent joined the channel.",
    "channel.left/1": "An agent left the channel.",
    "channel.posted/1": lambda f: f"Message {f.number} in the channel.",
    "channel.closed/1": "The channel was closed.",
    "agent.registered/1": lambda f: f"{f.name} was registered as {f.type}.",
    "agent.key_expiring/1": "A key is about to end and has not been rotated.",
    "agent.version_proposed/1": lambda f: f"Version {f.number} was proposed: {f.reason}",
    "agent.activation_requested/1": lambda f: f"Version {f.number} is to be put in force.",
    "agent.activation_ended/1": lambda f: f"Version {f.number} was not put in force {_why(f.reason)}.",
    "agent.version_activated/1": lambda f: (
        f"Version {f.number} is in force{', a rollback' if f.rollback else ''}."
    ),
    "agent.identity_pinned/1": "What the agent runs with was seen for the first time, and pinned.",
    "agent.identity_changed/1": "The agent runs with a prompt or tools that nobody has approved.",
    "agent.certificates_pinned/1": lambda f: f"{len(f.pins)} client certificates are pinned.",
    "enrolment.issued/1": lambda f: f"An enrolment token for {f.uses} agents was made.",
    "enrolment.revoked/1": "The enrolment token was revoked.",
    "process.refused/1": lambda f: f"A follow-up was refused: {f.code.replace('_', ' ')}.",
    "person.joined/1": lambda f: f"{f.handle} joined as {', '.join(f.roles)}.",
    "person.roles_changed/1": lambda f: f"Roles are now {', '.join(f.roles)}.",
    "person.disabled/1": "The person was disabled.",
    "person.credential_issued/1": lambda f: f"A {f.purpose} was issued.",
    "person.credential_revoked/1": lambda f: f"A credential ended ({f.reason}).",
}


def sentence(event: Event) -> str:
    """What happened, in one sentence."""
    tell = SENTENCES.get(event.type)
    if tell is None:
        return f"{event.type.partition('/')[0].replace('.', ' ').replace('_', ' ')}."
    return tell if isinstance(tell, str) else tell(event.facts)


def name_of(call: Call, actor_id: str) -> str:
    """The handle of a person or the name of an agent, empty for the system and for what is unknown."""
    for kind in ("person", "agent"):
        if actor_id.startswith(f"{PREFIXES[kind]}_"):
            try:
                _, state = call.resolve(kind, actor_id)
            except Exception:  # noqa: BLE001 - a name is a courtesy; the id stands beside it
                return ""
            return str(state.handle if kind == "person" else state.name)
    return ""


def items(call: Call, events: Iterable[Event]) -> tuple[TimelineItem, ...]:
    """Events as lines of a story."""
    lines = []
    for event in events:
        prefixed = event.kind in PREFIXES
        state = call.state(event.kind, event.subject) if prefixed else None
        nonce = getattr(state, "nonce", None)
        lines.append(
            TimelineItem(
                seq=event.seq,
                at=event.at,
                type=event.type,
                sentence=sentence(event),
                actor_kind=event.actor.kind,
                actor_id=event.actor.id,
                actor_name=name_of(call, event.actor.id),
                subject_kind=event.kind,
                subject_id="" if nonce is None else public_id(event.kind, event.subject, nonce),
                cause=event.cause,
            )
        )
    return tuple(lines)


async def of_story(call: Call, story: str, *subjects: int) -> tuple[tuple[TimelineItem, ...], bool]:
    """The lines of a story and of the subjects' own events, in ledger order, and whether there are more."""
    seqs: set[int] = set()
    if story:
        sql = (
            f"SELECT seq FROM timeline WHERE org = :org AND story = :story ORDER BY seq LIMIT {STORY_MAX + 1}"  # noqa: S608 - a constant
        )
        seqs = {row["seq"] for row in await call.rows(sql, story=story)}
    events, truncated = await asyncio.to_thread(_read, call, seqs, subjects)
    return items(call, events), truncated


def _read(call: Call, seqs: set[int], subjects: tuple[int, ...]) -> tuple[list[Event], bool]:
    reads = call.services.reads
    found: dict[int, bytes] = {}
    for subject in subjects:
        found |= {seq: data for seq, data, _ in reads.read_stream(call.org, subject)}
    for seq in sorted(seqs)[:STORY_MAX]:
        row = None if seq in found else reads.read_one(call.org, seq)
        if row is not None:
            found[seq] = row[1]
    shown = sorted(found)[:STORY_MAX]
    return [call.services.decode(found[seq]) for seq in shown], len(found) > STORY_MAX or len(
        seqs
    ) > STORY_MAX


def resolved_story(call: Call, text: str) -> tuple[str, int]:
    """Kind and integer of a public id that has a story. Raises Problem 404, 422."""
    kinds = {
        "tsk": "task",
        "act": "action",
        "dec": "decision",
        "stp": "stop",
        "std": "standing",
        "per": "person",
        "cht": "chat",
        "chn": "channel",
    }
    kind = kinds.get(text.partition("_")[0])
    if kind is None:
        raise Refused(
            "no_story",
            "a task, action, decision, stop, standing approval, person, chat or channel has a story",
            field="of",
            status=422,
        )
    return kind, call.resolve(kind, text)[0]
