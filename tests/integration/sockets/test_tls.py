"""The same sockets over TLS that the server terminates itself (spec 2.1)."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.contracts.socket_kit import CLOSE, TEXT, WIRES, Client, House, frame, handshake

from watchfloor.hub.sockets import SocketLimits


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return folder / "certificate.pem", folder / "key.pem"


def let_in(house: House, certificate: Path) -> Client:
    """A client that speaks TLS and is let in."""
    client = house.dial()
    context = ssl.create_default_context(cafile=str(certificate))
    client.socket = context.wrap_socket(client.socket, server_hostname="127.0.0.1")
    client.socket.sendall(handshake())
    assert client.head().startswith(b"HTTP/1.1 101 ")
    return client


@pytest.mark.parametrize("wire", list(WIRES))
def test_messages_errors_and_closings_work_over_tls(wire: str, identity: tuple[Path, Path]) -> None:
    certificate, key = identity
    with House(wire, SocketLimits(), ssl_certfile=str(certificate), ssl_keyfile=str(key)) as house:
        client = let_in(house, certificate)
        for size in (0, 300, 20_000, 1_000_000, 5):
            client.send(TEXT, b"m" * size)
            assert client.message() == b"m" * size
        client.send(CLOSE, b"\x03\xe8")
        assert client.receive() == (CLOSE, b"\x03\xe8")
        broken = let_in(house, certificate)
        broken.socket.sendall(frame(0xB, b"no such opcode"))
        assert broken.closing()[0] == 1002
        ours = let_in(house, certificate)
        ours.send(TEXT, b"close 4000 bye")
        assert ours.closing() == (4000, "bye")
        ours.send(CLOSE, b"\x0f\xa0")
        with pytest.raises((EOFError, OSError)):
            ours.receive()


def test_plain_http_on_the_tls_port_gets_no_answer(identity: tuple[Path, Path]) -> None:
    certificate, key = identity
    with House(
        "picows on uvloop", SocketLimits(), ssl_certfile=str(certificate), ssl_keyfile=str(key)
    ) as house:
        client = house.dial()
        client.socket.sendall(handshake())
        try:
            answer = client.socket.recv(100)
        except ConnectionResetError:
            answer = b""
        assert not answer.startswith(b"HTTP")
