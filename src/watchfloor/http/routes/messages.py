"""What is said to one agent, by other agents and by people (spec 2.2 `message:send`)."""

from __future__ import annotations

from watchfloor.conversations import messages as conversations
from watchfloor.conversations.texts import said
from watchfloor.http import talk
from watchfloor.http.asking import Call
from watchfloor.http.bodies import chat as wire
from watchfloor.http.replies import Reply
from watchfloor.http.routes.chat import messages_of


async def send_message(call: Call) -> Reply:
    """Say something to an agent. It gets the next number of the agent's mailbox, and is delivered until acknowledged."""
    body: wire.SendBody = call.body
    agent, _ = call.resolve("agent", call.path["agent"])
    talk.silenced(call.services, call.principal)
    command = conversations.SendMessage(
        subject=agent,
        sender=call.principal.subject if call.of_agent else 0,
        reply_to=body.reply_to,
        private=said(body.text),
    )
    recorded = await call.ask(command)
    assert recorded.event is not None
    assert isinstance(recorded.event.facts, conversations.MessageSent)
    return Reply(body=wire.MessageRecorded(number=recorded.event.facts.number, seq=recorded.seq))


async def list_messages(call: Call) -> Reply:
    """The mailbox of an agent after a number, in order; an agent reads its own."""
    agent, _ = call.resolve("agent", call.path["agent"])
    call.own_only(agent, "agent")
    return await messages_of(call, agent, call.state("mailbox", agent))
