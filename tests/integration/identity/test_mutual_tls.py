"""Client certificates on real TLS sockets: pinned, required, forwarded, spoofed (spec 2.1 *mTLS*; fault D11)."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from cryptography import x509
from tests.integration.identity.standing import Authority, der_of, fingerprint, standing, trusting
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from watchfloor.app import Server
from watchfloor.engine.setup import register_agent
from watchfloor.fleet.messages import PinCertificates
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.kernel.terms import IdentityTerms, Policy
from watchfloor.policy.messages import ProposePolicy

pytestmark = pytest.mark.timeout(60)


class Place:
    """A server with TLS, its authority, an agent and the agent's certificate."""

    def __init__(self, server: Server, org: int, fleet: Authority, agent: str, key: str, own: Path) -> None:
        self.server, self.org, self.fleet = server, org, fleet
        self.agent, self.key, self.own = agent, key, own

    async def pin(self, *pins: str) -> None:
        subject = parse_id(self.agent, "agent")[0]
        await self.server.engine.ask(self.org, PinCertificates(subject=subject, pins=pins), SYSTEM)

    async def me(self, own: Path | None, headers: dict[str, str] | None = None) -> httpx2.Response:
        context = trusting(self.fleet, own)
        async with httpx2.AsyncClient(verify=context, trust_env=False) as client:
            return await client.get(
                f"{self.server.url}/api/v1/me",
                headers={"authorization": f"Bearer {self.key}", **(headers or {})},
            )

    def socket(self, own: Path | None, headers: dict[str, str] | None = None) -> Any:
        return connect(
            f"{self.server.url.replace('https', 'wss')}/ws",
            ssl=trusting(self.fleet, own),
            additional_headers={"authorization": f"Bearer {self.key}", **(headers or {})},
            proxy=None,
        )

    async def welcomed(self, own: Path | None, headers: dict[str, str] | None = None) -> bool:
        try:
            async with self.socket(own, headers) as connection:
                return bool(json.loads(await connection.recv())["type"] == "welcome")
        except InvalidStatus as refused:
            assert refused.response.status_code == 403
            return False


@asynccontextmanager
async def place(folder: Path, **settings: Any) -> AsyncIterator[Place]:
    fleet = Authority(folder / "ca", "fleet")
    own = fleet.signed(
        "otto", x509.UniformResourceIdentifier("spiffe://fleet/otto"), x509.DNSName("otto.example")
    )
    certificate = fleet.for_server()
    async with standing(
        folder, tls_certificate=str(certificate), tls_client_ca=str(fleet.path), **settings
    ) as (server, _, org):
        assert server.url.startswith("https://")
        agent, key = await register_agent(server.engine, org, "otto", "worker", ("work",))
        yield Place(server, org, fleet, agent, key, own)


@pytest.mark.parametrize("wire", ["picows", "websockets-sansio"])
async def test_a_pinned_agent_needs_its_certificate_besides_its_key(tmp_path: Path, wire: str) -> None:
    async with place(tmp_path, sockets=wire) as here:
        other = here.fleet.signed("eve")
        assert (await here.me(None)).status_code == 200, "nothing is pinned yet"
        assert await here.welcomed(None)
        for pin in (f"sha256:{fingerprint(here.own)}", "san:uri:spiffe://fleet/otto", "san:dns:otto.example"):
            await here.pin(pin)
            assert (await here.me(here.own)).status_code == 200
            assert await here.welcomed(here.own)
            for wrong in (None, other):
                answer = await here.me(wrong)
                assert (answer.status_code, answer.json()["code"]) == (403, "certificate_required")
                assert not await here.welcomed(wrong)


async def test_pinning_closes_the_open_socket_that_shows_nothing(tmp_path: Path) -> None:
    async with place(tmp_path) as here, here.socket(None) as connection:
        await connection.recv()
        await here.pin(f"sha256:{fingerprint(here.own)}")
        async with asyncio.timeout(20):
            with pytest.raises(ConnectionClosed) as end:
                while True:
                    await connection.recv()
        assert end.value.rcvd is not None
        assert end.value.rcvd.code == 4003


async def test_an_organisation_can_demand_a_pinned_certificate_of_every_agent(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        strict = msgspec.structs.replace(Policy(), identity=IdentityTerms(required=True))
        policy = here.server.engine.cell(here.org, "active_policy", "active").subject
        change = ProposePolicy(subject=policy, document=strict, reason="mTLS")
        await here.server.engine.ask(here.org, change, SYSTEM)
        assert (await here.me(here.own)).status_code == 403, "it shows one, and none is pinned to it"
        await here.pin(f"sha256:{fingerprint(here.own)}")
        assert (await here.me(here.own)).status_code == 200


def header(path: Path) -> dict[str, str]:
    return {"client-cert": f":{base64.b64encode(der_of(path)).decode()}:"}


async def test_only_a_proxy_that_showed_its_own_certificate_speaks_for_others(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca", "fleet")
    proxy = authority.signed("proxy")
    own = authority.signed("otto", x509.DNSName("otto.example"))
    certificate = authority.for_server()
    async with standing(
        tmp_path,
        tls_certificate=str(certificate),
        tls_client_ca=str(authority.path),
        tls_proxies=(fingerprint(proxy),),
    ) as (server, _, org):
        agent, key = await register_agent(server.engine, org, "otto", "worker", ("work",))
        here = Place(server, org, authority, agent, key, own)
        await here.pin(f"sha256:{fingerprint(own)}")
        assert (await here.me(proxy, header(own))).status_code == 200
        assert await here.welcomed(proxy, header(own))
        assert (await here.me(proxy)).status_code == 403, "the proxy is not the agent"
        stranger = authority.signed("stranger")
        for shown in (None, stranger):
            assert (await here.me(shown, header(own))).status_code == 403, (
                "a spoofed header is as if not there"
            )
            assert not await here.welcomed(shown, header(own))
        for rubbish in ("", "::", ":AAAA:", "x" * 100, ":" + "A" * 13_000 + ":"):
            assert (await here.me(proxy, {"client-cert": rubbish})).status_code == 403


async def test_certificates_that_are_over_or_of_others_do_not_come_in(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        over = here.fleet.signed("old", days=-1)
        alien = Authority(tmp_path / "other", "other").signed("otto")
        for wrong in (over, alien):
            with pytest.raises((httpx2.TransportError, ssl.SSLError)):
                await here.me(wrong)
        assert (await here.me(here.own)).status_code == 200
        async with httpx2.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx2.TransportError):
                await client.get(f"http://127.0.0.1:{here.server.port}/health")


async def test_with_required_nobody_comes_in_without(tmp_path: Path) -> None:
    async with place(tmp_path, tls_client_required=True) as here:
        with pytest.raises((httpx2.TransportError, ssl.SSLError)):
            await here.me(None)
        assert (await here.me(here.own)).status_code == 200
