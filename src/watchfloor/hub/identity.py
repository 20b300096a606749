"""Who a connected agent is: its certificate, what it runs with, and news of its keys and versions (spec 2.1, K10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.engine.credentials import Credential
from watchfloor.engine.engine import Engine
from watchfloor.fleet import certificates
from watchfloor.fleet.certificates import Certificate
from watchfloor.fleet.messages import CertificatesPinned, KeyExpiring, PresentIdentity, VersionActivated
from watchfloor.hub import protocol as wire
from watchfloor.kernel.messages import Event

if TYPE_CHECKING:
    from watchfloor.hub.hub import Hub
    from watchfloor.hub.session import Session


def admitted(engine: Engine, credential: Credential, certificate: Certificate | None) -> bool:
    """Does the agent of this key show the client certificate it has to show, if any?"""
    state = engine.state(credential.org, "agent", credential.subject)
    active = engine.cell(credential.org, "active_policy", "active")
    return state is None or certificates.admitted(
        state, certificate, required=active.document.identity.required
    )


def present(hub: Hub, session: Session, hello: wire.Payload) -> None:
    """What the agent runs with; what nobody has approved quarantines it before it asks for anything."""
    if isinstance(hello, wire.Hello) and (hello.prompt_digest or hello.tools_digest):
        command = PresentIdentity(
            subject=session.agent, prompt_digest=hello.prompt_digest, tools_digest=hello.tools_digest
        )
        hub.tell(session, command)


def tell(hub: Hub, org: int, event: Event) -> None:
    """Its key ends, another version is in force, another certificate is asked for: the open connection hears of it."""
    session = hub.sessions.get((org, event.subject))
    state = hub.engine.state(org, "agent", event.subject)
    if session is None or session.credential is None or state is None:
        return
    facts = event.facts
    if isinstance(facts, CertificatesPinned):
        if not admitted(hub.engine, session.credential, session.certificate):
            session.close(wire.CloseCode.AUTH_FAILED, "this agent has to show its client certificate")
    elif session.welcomed and isinstance(facts, VersionActivated):
        may = wire.Permissions(
            capabilities=state.capabilities, tools=facts.tools, scopes=session.credential.scopes
        )
        session.push(wire.ConfigUpdated(version_number=facts.number, permissions=may))
    elif session.welcomed and isinstance(facts, KeyExpiring):
        session.push(wire.ConfigUpdated(key_id=facts.credential, key_expires_at=facts.expires_at))
