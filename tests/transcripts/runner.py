"""Reads a transcript, plays it, and writes it again with what really happened (STYLE, habit 2).

A transcript is text. Its lines:

    # prose                                     kept as it is, like empty lines
    let otto=7                                  a name for the integer of something outside the story
    person:ada SubmitTask lint criteria=1       who asks for which command, about whom, with which fields
    system AssignTask lint agent=@otto given active=true tasks_open=0
                                                after `given`: the evidence gathered for it
    wait 61s                                    time passes; clocks ring, each at its instant
        (indented by four) …                    what happened: written by the runner, compared by the test

A value is JSON, a bare word, `@name` for an integer, or an amount of time: `5m` in a field `…_ms` is that duration, in
`…_at` the instant as far from now. `private` takes JSON. The first command about a new name gives it its integer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from tests.transcripts import governance
from tests.transcripts.world import SUBJECTS, World

from watchfloor.conversations import channels, chats, mailboxes
from watchfloor.conversations import messages as said
from watchfloor.councils import rules as councils
from watchfloor.councils.decision import Decision
from watchfloor.councils.forcing import ForceEvidence
from watchfloor.councils.messages import (
    CastVote,
    ForceDecision,
    OpenDecision,
    ReviewForced,
    SettleByTribunal,
    TakeOver,
)
from watchfloor.councils.standing_in import BackupEvidence
from watchfloor.councils.tribunal_messages import ConveneTribunal, VoteInTribunal
from watchfloor.councils.tribunals import ConveningEvidence, Tribunal, ValidatorEvidence
from watchfloor.fleet import rules as fleet
from watchfloor.fleet.agent import Agent
from watchfloor.fleet.enrolments import Enrolment
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.fleet.supervision import SupervisionEvidence
from watchfloor.fleet.supervision_messages import (
    ArrangeSupervision,
    ConfirmSupervisor,
    PassSupervision,
    SupervisionTimePassed,
)
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Refused
from watchfloor.people import rules as people
from watchfloor.people.messages import AddPerson, ChangeRoles, DisablePerson
from watchfloor.work import life, reviews, waiting
from watchfloor.work import rules as work
from watchfloor.work.budget_messages import NoteBudget, SetBudget
from watchfloor.work.budgets import BudgetEvidence
from watchfloor.work.messages import (
    AssignTask,
    HandOverTask,
    RetryTask,
    ReviewTask,
    SubmitTask,
    TaskTimePassed,
)

COMMANDS: dict[str, type[Command]] = {
    command.__name__: command for subject in SUBJECTS.values() for command in subject.decide
}
EVIDENCE: dict[type[Command], type[msgspec.Struct]] = {
    RegisterAgent: fleet.NameEvidence,
    AssignTask: work.AgentEvidence,
    ReviewTask: reviews.ReviewEvidence,
    HandOverTask: work.AgentEvidence,
    ArrangeSupervision: SupervisionEvidence,
    ConfirmSupervisor: SupervisionEvidence,
    PassSupervision: SupervisionEvidence,
    SupervisionTimePassed: SupervisionEvidence,
    SubmitTask: waiting.DependencyEvidence,
    RetryTask: waiting.DependencyEvidence,
    TaskTimePassed: work.SilenceEvidence,
    OpenDecision: councils.PoolEvidence,
    CastVote: councils.VoterEvidence,
    TakeOver: BackupEvidence,
    ForceDecision: ForceEvidence,
    ReviewForced: ForceEvidence,
    ConveneTribunal: ConveningEvidence,
    VoteInTribunal: ValidatorEvidence,
    SettleByTribunal: councils.SettlingEvidence,
    AddPerson: people.HandleEvidence,
    ChangeRoles: people.AdminEvidence,
    DisablePerson: people.AdminEvidence,
    SetBudget: BudgetEvidence,
    NoteBudget: BudgetEvidence,
    said.OpenChat: chats.ChatEvidence,
    said.TellAgent: chats.ChatEvidence,
    said.SendMessage: mailboxes.MailEvidence,
    said.OpenChannel: channels.ChannelEvidence,
    said.JoinChannel: channels.ChannelEvidence,
    said.PostMessage: channels.ChannelEvidence,
}
FOUND = (SubmitTask, RetryTask, TaskTimePassed)
LISTS = ("depends_on",)
PREFIXES = {"enrolment": "enr", "person": "per", "agent": "agt", "process": "prc"}
INDENT = "    "
AMOUNT = re.compile(r"(\d+)(ms|s|m|h|d)")
UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
FIELD = re.compile(r"(\w+)=((?:\[[^\]]*\]|\{.*?\}|\"[^\"]*\"|\S)*)")
UNSAID = ("nonce",)  # the random bits of ids
# facts that hold the integer of something with a name
REFERENCES = (
    "agent",
    "agent_before",
    "action",
    "chain",
    "dependency",
    "parent",
    "primary",
    "root",
    "sender",
    "target",
    "task",
)


class Story:
    """One playing of one transcript, with the names it uses."""

    def __init__(self) -> None:
        self.world = World()
        self.names: dict[str, int] = {}
        self.kinds: dict[int, str] = {}

    def play(self, text: str) -> str:
        """The transcript as it should read: the script's own lines, each with what it led to."""
        written: list[str] = []
        for line in text.splitlines():
            if line.startswith(INDENT):
                continue
            written.append(line)
            written += (f"{INDENT}{happened}" for happened in self.follow(line))
        return "\n".join(written) + "\n"

    def follow(self, line: str) -> Iterator[str]:
        """What one line of the script leads to."""
        first, _, rest = line.partition(" ")
        if not line.strip() or first == "#":
            return
        if first == "let":
            self.names |= {name: int(value) for name, value in FIELD.findall(rest)}
        elif first == "wait":
            yield from self.tell(self.world.ring(self.world.at + amount_ms(rest) * 1_000))
        else:
            yield from self.ask(actor_of(first), *rest.split(" ", 2))

    def ask(self, actor: Actor, command_name: str, name: str, fields: str = "") -> Iterator[str]:
        """One command and everything it leads to."""
        asked, _, gathered = f" {fields}".partition(" given ")
        kind = COMMANDS[command_name]
        command = self.build(kind, asked, subject=self.names.get(name, 0))
        evidence = self.gather(kind, gathered)
        if isinstance(evidence, ConveningEvidence):
            of = self.world.states.get(("decision", command.subject))
            evidence = msgspec.structs.replace(evidence, decision=of)
        try:
            events = self.world.perform(command, actor, evidence)
        except Refused as refused:
            yield f"refused {refused}"
            return
        if events:
            self.names.setdefault(name, events[0].subject)
        yield from self.tell(events) if events else ("nothing",)

    def gather(self, kind: type[Command], text: str) -> Any:
        """The evidence for this kind of command, None when its rule asks for none, or can do without."""
        if kind in governance.GATHER:
            return governance.GATHER[kind](
                {name: self.value(name, said) for name, said in FIELD.findall(text)}
            )
        if kind in FOUND and not text:
            return None
        return self.build(EVIDENCE[kind], text) if kind in EVIDENCE else None

    def build(self, kind: type[Any], text: str, **fields: Any) -> Any:
        """A command or its evidence from `name=value …`."""
        fields |= {field: self.value(field, value) for field, value in FIELD.findall(text)}
        return msgspec.convert(fields, kind)

    def value(self, field: str, text: str) -> Any:
        """A field's value as the module docstring says."""
        if field == "private":
            return canonical(json.loads(text))
        if text.startswith("@"):
            named = [self.names[name.removeprefix("@")] for name in text.split(",")]
            return named if field in LISTS else named[0]
        if AMOUNT.fullmatch(text) and field.endswith("_ms"):
            return amount_ms(text)
        if AMOUNT.fullmatch(text) and field.endswith("_at"):
            return self.world.at + amount_ms(text) * 1_000
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text

    def tell(self, events: list[Event]) -> Iterator[str]:
        """The events in order, and what became of each subject whose state has a summary."""
        for event in events:
            yield f"{clock(event.at)}  {event.type}  {self.facts(event)}".rstrip()
        for kind, number in dict.fromkeys((event.kind, event.subject) for event in events):
            state = self.world.states.get((kind, number))
            if state is None:
                yield f"{self.name_of(number)} never was"
            elif kind in governance.STATES:
                yield f"{self.name_of(number)} is {governance.STATES[kind](state)}"
            elif kind in SUMMARIES:  # others: their events say it all
                yield f"{self.name_of(number)} is {SUMMARIES[kind](self, state)}"

    def facts(self, event: Event) -> str:
        """What the event says, without the random bits of ids."""
        fields = governance.told(event.facts) or msgspec.structs.asdict(event.facts)
        # What was added to a type of facts later has a default that says what events meant before: told when it differs.
        added = {field.name: field.default for field in msgspec.structs.fields(event.facts)}
        said = [
            f"{field}={self.shown(field, value)}"
            for field, value in fields.items()
            if field not in UNSAID and (field not in added or value != added[field])
        ]
        return " ".join([*said, *(["(and a private part)"] if event.private else [])])

    def shown(self, field: str, value: Any) -> str:
        """A value for people."""
        if field.endswith("_at") and value:
            return clock(value)
        if field in REFERENCES and value:
            return self.name_of(value)
        if isinstance(value, tuple):
            return ",".join(map(self.one, msgspec.to_builtins(value))) or "-"
        return json.dumps(value) if isinstance(value, bool) or value == "" else str(value)

    def one(self, value: Any) -> str:
        """One of several values: texts and subjects by name, what has parts as JSON."""
        if isinstance(value, int) and not isinstance(value, bool):
            return self.name_of(value)
        return value if isinstance(value, str) else json.dumps(value)

    def name_of(self, number: int) -> str:
        """The name the script gave to a subject."""
        return next((name for name, integer in self.names.items() if integer == number), str(number))


def actor_of(text: str) -> Actor:
    """`person:ada` is a person with the public id per_ada."""
    kind, _, name = text.partition(":")
    return SYSTEM if kind == "system" else Actor(kind=kind, id=f"{PREFIXES[kind]}_{name}")


def amount_ms(text: str) -> int:
    """Milliseconds of `250ms`, `61s`, `5m`, `1h`, `30d`."""
    found = AMOUNT.fullmatch(text.strip())
    assert found, f"not an amount of time: {text!r}"
    return int(found[1]) * UNITS_MS[found[2]]


def clock(at: int) -> str:
    """An instant of the story: hours, minutes, seconds, with the day from the second day on."""
    day, rest = divmod(at - 20_000 * DAY, DAY)
    text = f"{rest // HOUR:02d}:{rest % HOUR // MINUTE:02d}:{rest % MINUTE // SECOND:02d}"
    if rest % SECOND:
        text += f".{rest % SECOND // 1_000:03d}"
    return f"day {day + 1} {text}" if day else text


def _task(story: Story, task: life.Task) -> str:
    due = life.nearest(task)[0]
    parts = [
        task.status,
        f"generation {task.generation}",
        f"attempt {task.attempts} of {task.attempts_max}",
        *([f"with {story.name_of(task.agent)}"] if task.agent else []),
        *([f"clock at {clock(due)}"] if due else []),
    ]
    return ", ".join(parts)


def _decision(story: Story, decision: Decision) -> str:
    votes = (f"{vote.person} {vote.vote}{' (late)' if vote.late else ''}" for vote in decision.votes)
    return f"{decision.status}; votes: {', '.join(votes) or 'none'}"


def _agent(story: Story, agent: Agent) -> str:
    keys = (f"{key.id} {'works' if key.works(story.world.at) else 'does not work'}" for key in agent.keys)
    held = [
        *(["quarantined"] if agent.quarantined else []),
        *(["retired"] if agent.retired else []),
        *([f"breaker {agent.worker.breaker}"] if agent.worker is not None else []),
        *([f"version {agent.active}"] if agent.active > 1 else []),
        *([f"version {agent.activating} at the gate"] if agent.activating else []),
    ]
    return f"{', '.join([agent.presence, *held])}; keys: {', '.join(keys)}"


def _enrolment(story: Story, enrolment: Enrolment) -> str:
    over = enrolment.revoked or story.world.at >= enrolment.expires_at
    return f"{'over' if over else 'open'}, for {enrolment.uses} registrations"


def _person(story: Story, person: people.Person) -> str:
    works = (c.id for c in person.credentials if c.works(story.world.at))
    state = "disabled" if person.disabled else "enabled"
    return f"{state}, {' and '.join(person.roles)}; signs in with: {', '.join(works) or 'nothing'}"


def _organisation(story: Story, organisation: people.Organisation) -> str:
    return f"{organisation.name}, {organisation.origin}"


def _chat(story: Story, chat: chats.Chat) -> str:
    state = "closed" if chat.closed_at else "open"
    return (
        f"{state}, with {story.name_of(chat.agent)}; {chat.number} messages, answered up to {chat.answered}"
    )


def _mailbox(story: Story, mailbox: mailboxes.Mailbox) -> str:
    return f"heard of {mailbox.number} messages"


def _channel(story: Story, channel: channels.Channel) -> str:
    members = ", ".join(story.name_of(member) for member in channel.members)
    return f"{'closed' if channel.closed_at else 'open'}; members: {members or 'none'}; {channel.number} messages"


def _tribunal(story: Story, tribunal: Tribunal) -> str:
    ruled = f"{tribunal.consensus}, recommends {tribunal.recommendation or 'nothing'}"
    said = (f"{story.name_of(one.agent)} {one.vote}" for one in tribunal.judgements)
    return f"{ruled if tribunal.consensus else 'open'}; votes: {', '.join(said) or 'none'}"


SUMMARIES: dict[str, Callable[[Story, Any], str]] = {
    "task": _task,
    "decision": _decision,
    "tribunal": _tribunal,
    "agent": _agent,
    "enrolment": _enrolment,
    "person": _person,
    "organisation": _organisation,
    "chat": _chat,
    "mailbox": _mailbox,
    "channel": _channel,
}
