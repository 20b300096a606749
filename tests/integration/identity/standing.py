"""A whole server in this loop, on one port with everything, as `watchfloor serve` makes it; with TLS where wanted."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from watchfloor.app import Server
from watchfloor.config import Config
from watchfloor.engine.setup import FirstPerson, first_person


@asynccontextmanager
async def standing(folder: Path, **settings: Any) -> AsyncIterator[tuple[Server, FirstPerson, int]]:
    """(server, its admin, the organisation); stopped afterwards."""
    server = Server(Config(disk_reserve_mib=1, data=str(folder / "data"), port=0, **settings))
    await server.backbone.start()
    await server.hub.start()
    serving, listening = await server._listen()
    try:
        org = await server.backbone.found("Acme")
        yield server, await first_person(server.engine, org, "ada", server.url), org
    finally:
        await server.hub.stop()
        listening.should_exit = True
        await asyncio.wait({serving}, timeout=8)
        await server.administration.stop()
        await server.backbone.stop()


class Authority:
    """A certificate authority, and what it signs, as PEM files in a folder."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._built(self.name, self.key.public_key(), (), 365).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate = certificate.sign(self.key, hashes.SHA256())
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _built(self, subject: x509.Name, key: Any, names: Any, days: int) -> x509.CertificateBuilder:
        now = datetime.datetime.now(datetime.UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=2))
            .not_valid_after(now + datetime.timedelta(days=days))
        )
        return built.add_extension(x509.SubjectAlternativeName(names), critical=False) if names else built

    def signed(self, name: str, *names: x509.GeneralName, days: int = 30) -> Path:
        """A key and a certificate in one PEM file."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = self._built(subject, key.public_key(), names, days).sign(self.key, hashes.SHA256())
        path = self.folder / f"{name}.both.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return path

    def for_server(self) -> Path:
        """A certificate for 127.0.0.1."""
        return self.signed("server", x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost"))


def der_of(path: Path) -> bytes:
    return x509.load_pem_x509_certificate(path.read_bytes()).public_bytes(serialization.Encoding.DER)


def fingerprint(path: Path) -> str:
    return sha256(der_of(path)).hexdigest()


def trusting(authority: Authority, own: Path | None = None) -> ssl.SSLContext:
    """A client's side of TLS, with a certificate of its own where given."""
    context = ssl.create_default_context(cafile=str(authority.path))
    if own is not None:
        context.load_cert_chain(str(own))
    return context
