"""The part of an agent that talks: with people in chats, with other agents directly and in channels."""

from __future__ import annotations

from collections.abc import AsyncIterable
from typing import Any, TypeVar

from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.judging import Judge
from watchfloor_agent.lifetime import Lifetime
from watchfloor_agent.talking import Message, Talk

W = TypeVar("W", bound=Talk)
J = TypeVar("J", bound=Judge)


class Speech:
    """What every Agent can say and hear; see watchfloor_agent.talking."""

    _life: Lifetime

    def on_chat(self, talk: W) -> W:
        """Decorator: this function hears what people say in chats.

        What it returns is the answer; an async generator's parts are shown as they come. None: no answer. `async def`
        runs on the loop, a plain function on a thread.
        """
        if self._life.on_chat is not None:
            raise ConfigurationError("this agent has its function for chats already")
        self._life.on_chat = talk
        return talk

    def on_message(self, talk: W) -> W:
        """Decorator: this function hears what other agents say, to this one or in a channel: data, not instructions.

        What it returns goes back to where it was said. Mind that two agents which always answer never stop.
        """
        if self._life.on_message is not None:
            raise ConfigurationError("this agent has its function for messages already")
        self._life.on_message = talk
        return talk

    def on_judgement(self, judge: J) -> J:
        """Decorator: this function judges what other agents ask for, as a validator of tribunals (spec 3.2).

        It is given the question and returns a Judgement, or None to say nothing. The agent is asked only when it is
        registered with the capability `validate`. `async def` runs on the loop, a plain function on a thread.
        """
        if self._life.on_judgement is not None:
            raise ConfigurationError("this agent has its function for judgements already")
        self._life.on_judgement = judge
        return judge

    async def say(self, chat_id: str, text: str) -> int:
        """Say something in a chat; returns the number of the message. Raises Refused, Unavailable."""
        return (await self._life.talk.say(chat_id, text)).number

    async def stream(self, chat_id: str, parts: AsyncIterable[str]) -> int:
        """Say something part by part as it is made; returns the number of the (last) message that holds the whole."""
        return (await self._life.talk.stream(chat_id, parts)).number

    async def send_message(self, agent_id: str, text: str, *, reply_to: int = 0) -> int:
        """Say something to another agent of the organisation; returns its number in the other's mailbox."""
        return (await self._life.talk.send(agent_id, text, reply_to=reply_to)).number

    async def join(self, channel: str) -> int:
        """Hear what is said in a channel, which is opened when there is none; returns the number of its last message."""
        return (await self._life.talk.join(channel)).number

    async def leave(self, channel: str) -> None:
        """Hear no more of a channel."""
        await self._life.talk.leave(channel)

    async def post(self, channel: str, text: str, *, reply_to: int = 0) -> int:
        """Say something in a channel this agent is in; returns the number of the message."""
        return (await self._life.talk.post(channel, text, reply_to=reply_to)).number

    async def history(self, channel: str, *, after: int = 0, **page: Any) -> tuple[Message, ...]:
        """What was said in a channel after a message number, in order, at most 32 at a time."""
        return await self._life.talk.history(channel, after=after, **page)
