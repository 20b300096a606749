"""Client certificates an agent must show beside its key: pins, and whether a certificate meets one (spec 2.1 *mTLS*).

A pin is `sha256:` and the hex SHA-256 of the DER certificate, or `san:` and a subject alternative name as
`dns:agent.example`, `uri:spiffe://…` or `email:…`. An agent with pins has to show a certificate that meets one of them;
which authority signed it is the business of whoever terminates TLS.
"""

from __future__ import annotations

import re

import msgspec

from watchfloor.fleet.agent import Agent, in_service
from watchfloor.fleet.messages import CertificatesPinned, PinCertificates
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.limits import CERTIFICATES_PER_AGENT_MAX
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_name, check_range
from watchfloor.kernel.subject import Given

_PIN = re.compile(r"sha256:[0-9a-f]{64}\Z|san:(?:dns|uri|email):[\x21-\x7e]+\Z")


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A client certificate that TLS has checked: hex SHA-256 of its DER bytes, and its names as `dns:…`, `uri:…`."""

    fingerprint: str
    names: tuple[str, ...] = ()

    def meets(self, pins: tuple[str, ...]) -> bool:
        """Is it one of these?"""
        return f"sha256:{self.fingerprint}" in pins or any(f"san:{name}" in pins for name in self.names)


def admitted(agent: Agent, certificate: Certificate | None, *, required: bool) -> bool:
    """May the agent come in with this certificate? `required`: its organisation lets nobody in without a pinned one."""
    if not agent.certificates:
        return not required
    return certificate is not None and certificate.meets(agent.certificates)


def pin(state: Agent | None, command: PinCertificates, given: Given) -> list[Draft]:
    """Instead of those before. The same ones again are no news."""
    del given
    agent = in_service(state)
    check_range(len(command.pins), "/pins", 0, CERTIFICATES_PER_AGENT_MAX)
    for index, text in enumerate(command.pins):
        check_name(text, f"/pins/{index}", chars_max=512)
        if not _PIN.match(text):
            detail = "takes sha256:<64 hex digits> or san:dns|uri|email:<name>"
            raise Refused("invalid_pin", detail, field=f"/pins/{index}", status=422)
    return [] if command.pins == agent.certificates else [Draft(facts=CertificatesPinned(pins=command.pins))]


def pinned(agent: Agent, facts: CertificatesPinned, event: Event) -> Changes:
    """The pins are those of the newest event."""
    del agent, event
    return {"certificates": facts.pins}
