"""People and agents of the simulation talk: chats, messages, channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.conversations import messages as talk
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import Command

if TYPE_CHECKING:
    from tests.simulation.scene import Scene


def speak(scene: Scene) -> None:
    """People and agents talk: chats, messages, channels. Whatever is refused is refused without a trace."""
    agent = scene.random.choice(scene.agents)
    other = scene.random.choice(scene.agents)
    text = canonical({"text": scene.random.choice(("hello", "done", "why?"))})
    chats = scene._subjects("chat")
    channels = scene._subjects("channel")
    if scene.random.random() < 0.4:
        asked: list[Command] = [
            talk.OpenChat(agent=agent.subject),
            talk.SendMessage(subject=agent.subject, sender=0, private=text),
        ]
        asked += [talk.TellAgent(subject=chat, private=text) for chat, _ in chats[:2]]
        asked += [talk.PostMessage(subject=channel, agent=0, private=text) for channel, _ in channels[:2]]
        asked += [talk.CloseChat(subject=chat) for chat, _ in chats[3:]]
        asked += [talk.CloseChannel(subject=channel) for channel, _ in channels[3:]]
        scene._keyed(scene.random.choice(asked), scene._person(0))
        return
    said: list[Command] = [
        talk.SendMessage(subject=other.subject, sender=agent.subject, private=text),
        talk.OpenChannel(name=scene.random.choice(("builds", "ops")), agent=agent.subject),
    ]
    for chat, state in chats[:3]:
        said.append(talk.AnswerChat(subject=chat, agent=state.agent, private=text))
    for channel, _ in channels[:3]:
        said.append(talk.JoinChannel(subject=channel, agent=agent.subject))
        said.append(talk.LeaveChannel(subject=channel, agent=other.subject))
        said += [talk.PostMessage(subject=channel, agent=agent.subject, private=text)] * 3
    scene._frame(agent, scene.random.choice(said))
