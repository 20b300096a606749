"""Laws of conversations (spec 2.2, 2.6): numbers have no gap and no repeat; a redelivered event is one message; the
outbox is bounded and fair."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import SUBJECTS, World

from watchfloor.conversations import messages as m
from watchfloor.conversations.channels import Channel, ChannelEvidence
from watchfloor.conversations.chats import Chat, ChatEvidence
from watchfloor.conversations.mailboxes import MailEvidence, Speaker
from watchfloor.kernel.limits import CHANNEL_RECENT_MAX, OUTBOX_SEQS
from watchfloor.kernel.messages import Command, Refused
from watchfloor.kernel.subject import fold
from watchfloor.registers.mail import Mail, put

TEXT = b'{"text":"x"}'
HERE = ChatEvidence(known=True, retired=False)
FREE = ChannelEvidence(speaker=Speaker())
OPEN_TO_ALL = MailEvidence(known=True, retired=False, speaker=Speaker())
AGENTS = st.integers(901, 904)

CHAT = st.one_of(
    st.just((m.TellAgent(subject=1, private=TEXT), HERE)),
    AGENTS.map(lambda agent: (m.AnswerChat(subject=1, agent=agent, private=TEXT), None)),
    st.just((m.LinkTask(subject=1, number=1, task=7), None)),
    st.just((m.CloseChat(subject=1), None)),
)
CHANNEL = st.one_of(
    AGENTS.map(lambda agent: (m.JoinChannel(subject=1, agent=agent), FREE)),
    AGENTS.map(lambda agent: (m.LeaveChannel(subject=1, agent=agent), None)),
    st.one_of(AGENTS, st.just(0)).map(
        lambda agent: (m.PostMessage(subject=1, agent=agent, private=TEXT), FREE)
    ),
)


def played(begin: Command, evidence: object, commands: list[tuple[Command, object]]) -> World:
    """What the rules record of these, refusals left out."""
    world = World()
    world.perform(begin, evidence=evidence)
    for command, gathered in commands:
        try:
            world.perform(command, evidence=gathered)
        except Refused:
            continue
    return world


def numbers(world: World) -> list[int]:
    """The numbers of everything that was said, in order."""
    return [event.facts.number for event in world.events if isinstance(event.facts, SAID)]


SAID = (m.AgentTold, m.ChatAnswered, m.MessageSent, m.MessagePosted)


@given(st.lists(CHAT, max_size=30))
def test_a_chat_numbers_without_gap_or_repeat_and_nothing_follows_its_end(
    commands: list[tuple[Command, object]],
) -> None:
    world = played(m.OpenChat(agent=901), HERE, commands)
    said = numbers(world)
    assert said == list(range(1, len(said) + 1))
    kinds = [type(event.facts) for event in world.events]
    if m.ChatClosed in kinds:
        assert not set(kinds[kinds.index(m.ChatClosed) + 1 :]) - {m.TaskLinked}
    chat = world.states["chat", 1]
    assert isinstance(chat, Chat)
    assert chat.number == len(said)
    assert all(event.facts.agent == 901 for event in world.events if isinstance(event.facts, SAID))


@given(st.lists(CHANNEL, max_size=40))
def test_a_channel_numbers_without_gap_or_repeat_and_only_members_and_people_post(
    commands: list[tuple[Command, object]],
) -> None:
    world = played(m.OpenChannel(name="builds", agent=901), FREE, commands)
    said = numbers(world)
    assert said == list(range(1, len(said) + 1))
    members = {901}
    for event in world.events:
        facts = event.facts
        if isinstance(facts, m.ChannelJoined):
            members.add(facts.agent)
        elif isinstance(facts, m.ChannelLeft):
            members.remove(facts.agent)
        elif isinstance(facts, m.MessagePosted):
            assert not facts.agent or facts.agent in members
    channel = world.states["channel", 1]
    assert isinstance(channel, Channel)
    assert set(channel.members) == members
    assert len(channel.members) == len(members)
    assert len(channel.recent) == min(len(said), CHANNEL_RECENT_MAX)


@given(st.lists(AGENTS, max_size=20))
def test_a_mailbox_numbers_without_gap_or_repeat(senders: list[int]) -> None:
    world = World()
    for sender in senders:
        world.perform(m.SendMessage(subject=1, sender=sender, private=TEXT), evidence=OPEN_TO_ALL)
    assert numbers(world) == list(range(1, len(senders) + 1))


@given(st.lists(CHAT, max_size=12), st.lists(CHANNEL, max_size=12))
def test_an_event_shown_twice_is_one_message(
    chats: list[tuple[Command, object]], channels: list[tuple[Command, object]]
) -> None:
    for kind, begin, evidence, commands in (
        ("chat", m.OpenChat(agent=901), HERE, chats),
        ("channel", m.OpenChannel(name="builds", agent=901), FREE, channels),
    ):
        world = played(begin, evidence, commands)
        twice = [event for event in world.events for _ in range(2)]
        assert fold(SUBJECTS[kind], twice) == world.states[kind, 1]
        assert fold(SUBJECTS[kind], world.events, world.states[kind, 1]) == world.states[kind, 1]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=700))
def test_the_outbox_is_bounded_in_order_and_takes_from_whoever_has_most(sources: list[int]) -> None:
    mail: Mail = ()
    for seq, source in enumerate(sources, start=1):
        before = Counter(of for of, _ in mail)
        mail = put(mail, source, seq)
        assert put(mail, source, seq) == mail, "twice is once"
        after = Counter(of for of, _ in mail)
        for of in before:
            if after[of] < before[of]:
                assert before[of] + (of == source) == max((before + Counter([source])).values())
    assert len(mail) == min(len(sources), OUTBOX_SEQS)
    assert [seq for _, seq in mail] == sorted({seq for _, seq in mail})


@given(st.integers(300, 900), st.integers(1, 100))
def test_who_floods_pushes_out_nothing_of_the_others(flood: int, others: int) -> None:
    mail: Mail = ()
    for seq in range(1, others + 1):
        mail = put(mail, 7, seq)
    for seq in range(others + 1, others + flood + 1):
        mail = put(mail, 8, seq)
    assert [seq for of, seq in mail if of == 7] == list(range(1, others + 1))
