"""Who an agent is: cards it comes with, certificates it shows, what it says it runs with (spec 2.1)."""

from __future__ import annotations

import logging
from typing import Any

from watchfloor.engine.requests import Lane
from watchfloor.fleet import messages as fleet
from watchfloor.fleet.agent import Agent
from watchfloor.http import cards, reading
from watchfloor.http.asking import Call
from watchfloor.http.bodies import agents as registering
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import identity as wire
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import agents
from watchfloor.kernel.instants import MILLISECOND, SECOND

ROTATION_REST_US = (
    3_600 * SECOND
)  # every key stays published for as long as what it signed: they must not pile up
_log = logging.getLogger(__name__)


async def import_agent(call: Call) -> Reply:
    """Register an agent from its A2A card: the document, or where it is. Its key is shown once.

    Capabilities are the ids of the card's skills. What the card says of itself is kept as metadata and gives no rights.
    """
    body: registering.ImportAgentBody = call.body
    if (body.document is None) is (not body.url):
        raise cards.wrong("name a document or a url, one of the two", "/document")
    document = body.document if body.document is not None else await _fetched(call, body.url)
    card = cards.read(document)
    if body.jwk is not None:
        cards.check_signature(document, card, body.jwk)
    found = cards.registration(card)
    if body.as_worker and not found.url:
        raise cards.wrong("the card names no url to call", "/as_worker")
    call.body = registering.RegisterAgentBody(
        name=body.name or found.name,
        type="worker",
        capabilities=body.capabilities or found.capabilities,
        skills=found.skills,
        version=found.version,
        owner=body.owner,
        metadata={**found.metadata, "a2a_signed": body.jwk is not None},
        expires_in_days=body.expires_in_days,
        url=found.url if body.as_worker else "",
    )
    return await agents.register_agent(call)


async def _fetched(call: Call, url: str) -> dict[str, Any]:
    """The card at a URL, by the guarded way out; read as strictly as a body of our own."""
    fetch = call.services.fetch
    if fetch is None:
        raise cards.wrong("this server does not fetch cards; send the document", "/url")
    raw = await fetch(url)
    if len(raw) > cards.CARD_BYTES_MAX:
        raise cards.wrong(f"a card has at most {cards.CARD_BYTES_MAX} bytes", "/url")
    wrapped: registering.ImportAgentBody = reading.read_body(
        b'{"document":' + raw + b"}",
        "application/json",
        registering.ImportAgentBody,
        2 * cards.CARD_BYTES_MAX,
    )
    if wrapped.document is None:
        raise cards.wrong("there is no card at this url", "/url")
    return wrapped.document


async def pin_certificates(call: Call) -> Reply:
    """Which client certificates an agent has to show besides its key. Open sockets that show none of them close."""
    body: registering.PinCertificatesBody = call.body
    subject, _ = await agents.find(call)
    recorded = await call.ask(fleet.PinCertificates(subject=subject, pins=body.pins))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def present_identity(call: Call) -> Reply:
    """An agent says what it runs with. Digests nobody has approved put it into quarantine ("rug pull")."""
    body: wire.PresentIdentityBody = call.body
    subject, _ = await agents.find(call)
    command = fleet.PresentIdentity(
        subject=subject, prompt_digest=body.prompt_digest, tools_digest=body.tools_digest
    )
    recorded = await call.ask(command, lane=Lane.PEOPLE)
    facts = recorded.event.facts if recorded.event is not None else None
    agent: Agent = call.state("agent", subject)
    state = "pinned" if isinstance(facts, fleet.IdentityPinned) else "accepted"
    if isinstance(facts, fleet.IdentityChanged) or agent.quarantined:
        state = "quarantined"
    return Reply(body=wire.IdentityAnswer(state=state, version_number=agent.active, seq=recorded.seq))


async def rotate_token_keys(call: Call) -> Reply:
    """Sign agents' tokens with a new key from now on. What the one before signed stays in force until it ends.

    The key is the server's, of all its organisations. At most once an hour.
    """
    tokens = call.services.engine.credentials.tokens
    if tokens is None:
        raise Problem(503, "no_token_keys", "this server signs no tokens")
    rest_us = tokens.signing_since + ROTATION_REST_US - call.now
    if rest_us > 0:
        detail = "the signing key is less than an hour old"
        raise Problem(429, "rotated_just_now", detail, retryable=True, retry_after_ms=rest_us // MILLISECOND)
    kid = tokens.rotate(call.now)
    _log.warning("token key rotated by %s: %s", call.principal.id, kid)
    return Reply(body=wire.TokenKeyRotated(kid=kid, since_at=tokens.signing_since))
