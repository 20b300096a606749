"""The one way out to addresses that somebody else named, against real servers (SSRF guard; spec 2.4, 6 *Security*)."""

from __future__ import annotations

import asyncio
import datetime
import ssl
import time
import tracemalloc
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.integration.runners.listening import MEBIBYTE, listening

from watchfloor.runners.outbound import Outbound, Sent, url_fault
from watchfloor.runners.reach import Reach

HOME = Reach.of(["127.0.0.1"])


def names(**known: list[str]) -> Outbound:
    """An outbound whose names resolve as given, in turn: the last answer stays."""

    async def resolve(host: str, port: int) -> list[str]:
        found = known.get(host.replace(".", "_"))
        if found is None:
            raise OSError("no such name")
        return [found.pop(0) if len(found) > 1 else found[0]]

    return Outbound(HOME, resolve=resolve)


async def test_a_request_and_its_answer_arrive_whole() -> None:
    async with listening("one") as house:
        got = await Outbound(HOME).send(
            Sent(
                url=house.url("/there?q=ä"),
                method="POST",
                headers={"Content-Type": "application/json", "Watchfloor-Signature": "t=1"},
                body=b'{"a": 1}',
            )
        )
        assert (got.outcome, got.status, got.body) == ("answered", 200, b"this is one")
        assert got.headers["content-type"] == "text/plain"
        (seen,) = house.requests
        head = seen.lower()
        assert seen.startswith(b"POST /there?q=%C3%A4 HTTP/1.1\r\n")
        assert seen.endswith(b'\r\n\r\n{"a": 1}')
        for line in (b"watchfloor-signature: t=1", b"accept-encoding: identity", b"connection: close",
                     b"user-agent: watchfloor", f"host: 127.0.0.1:{house.port}".encode()):  # fmt: skip
            assert b"\r\n" + line + b"\r\n" in head
        assert head.count(b"\r\nhost:") == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "gopher://127.0.0.1/", "//127.0.0.1/", "127.0.0.1", "", "http://",
        "http://user:pass@127.0.0.1/", "http://@127.0.0.1/", "http://127.0.0.1:0/", "http://127.0.0.1:99999/",
        "http://127.0.0.1\\@example.org/", "http://127.0.0.1/\r\nX: y", "http://a b/", "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25eth0]/", "http://127.1/", "http://2130706433/", "http://0x7f.0.0.1/", "http://0177.0.0.1/",
        "http://127.0.0.2/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/", "http://169.254.169.254/",
        "http://localhost.localdomain.:1/x" + "y" * 3_000, "http://[64:ff9b::7f00:1]/", "http://[::]/",
    ],
)  # fmt: skip
async def test_what_is_no_web_address_or_leads_inside_is_refused_before_anything_is_sent(url: str) -> None:
    got = await Outbound(HOME).send(Sent(url=url))
    assert (got.outcome, got.status, got.body) == ("refused", 0, b""), got
    assert got.detail
    assert "127.0.0" not in got.detail


async def test_a_name_is_judged_by_where_it_leads_and_tells_nobody_the_address() -> None:
    async with listening("one") as house:
        out = names(good_example=["127.0.0.1"], evil_example=["127.0.0.2"], cloud_example=["169.254.169.254"])
        assert (await out.send(Sent(url=house.url(host="good.example")))).body == b"this is one"
        assert f"host: good.example:{house.port}".encode() in house.requests[0].lower()
        for host in ("evil.example", "cloud.example"):
            got = await out.send(Sent(url=house.url(host=host)))
            assert got.outcome == "refused"
            assert got.detail == "the host is at an address that this server may not connect to"
        assert (await out.send(Sent(url=house.url(host="no.example")))).outcome == "unresolvable"
        assert len(house.requests) == 1


async def test_of_several_addresses_only_the_permitted_are_tried() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["10.255.255.1", "fe80::1%lo", "garbage", "127.0.0.2", "127.0.0.1"]

    async with listening("one") as house:
        began = time.monotonic()
        got = await Outbound(HOME, resolve=resolve).send(Sent(url=house.url(host="mixed.example")))
        assert got.body == b"this is one"
        assert time.monotonic() - began < 15


async def test_an_address_where_nobody_listens_is_followed_by_the_next() -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.3", "127.0.0.1"]

    async with listening("one") as house:
        out = Outbound(Reach.of(["127.0.0.0/8"]), resolve=resolve)
        assert (await out.send(Sent(url=house.url(host="two.example")))).body == b"this is one"


async def test_a_name_that_changes_its_mind_is_connected_to_where_it_was_judged() -> None:
    async with listening("outside") as outside, listening("inside", "127.0.0.2", outside.port) as inside:
        out = names(rebinding_example=["127.0.0.1", "127.0.0.2"])
        first = await out.send(Sent(url=outside.url(host="rebinding.example")))
        assert first.body == b"this is outside"
        second = await out.send(Sent(url=outside.url(host="rebinding.example")))
        assert second.outcome == "refused"
        assert not inside.requests


async def test_a_redirect_is_an_answer_unless_it_is_to_be_followed() -> None:
    async with listening("one") as house:
        house.redirect_to = "/there"
        got = await Outbound(HOME).send(Sent(url=house.url("/redirect")))
        assert (got.status, got.headers["location"], got.redirects) == (302, "/there", 0)
        got = await Outbound(HOME).send(Sent(url=house.url("/redirect"), redirects_max=2))
        assert (got.status, got.body, got.redirects) == (200, b"this is one", 1)
        assert got.url.endswith("/there")
        house.redirect_to = "/redirect"
        got = await Outbound(HOME).send(Sent(url=house.url("/redirect"), redirects_max=99))
        assert (got.status, got.redirects) == (302, 5)
        got = await Outbound(HOME).send(Sent(url=house.url("/redirect"), method="POST", redirects_max=2))
        assert (got.status, got.redirects) == (302, 0)


@pytest.mark.parametrize(
    "target",
    ["http://127.0.0.2:{port}/", "http://169.254.169.254/latest/meta-data/", "http://[::1]:{port}/", "file:///etc/passwd",
     "//127.0.0.2:{port}/", "http://user@127.0.0.1:{port}/", "http://inner.example:{port}/", "http://[bad"],
)  # fmt: skip
async def test_a_redirect_to_the_inside_is_judged_like_any_other_request(target: str) -> None:
    async with listening("outside") as house, listening("inside", "127.0.0.2", house.port) as inside:
        house.redirect_to = target.format(port=house.port)
        got = await names(inner_example=["127.0.0.2"]).send(Sent(url=house.url("/redirect"), redirects_max=3))
        assert got.outcome in ("refused", "bad_answer")
        assert got.body == b""
        assert not inside.requests


async def test_a_name_that_rebinds_between_hops_is_judged_again() -> None:
    async with listening("outside") as house, listening("inside", "127.0.0.2", house.port) as inside:
        house.redirect_to = "/there"
        out = names(rebinding_example=["127.0.0.1", "127.0.0.2"])
        got = await out.send(Sent(url=house.url("/redirect", host="rebinding.example"), redirects_max=3))
        assert got.outcome == "refused"
        assert not inside.requests


async def test_the_callers_own_headers_do_not_follow_to_another_origin() -> None:
    async with listening("one") as one, listening("two") as two:
        one.redirect_to = two.url("/there")
        headers = {"Watchfloor-Signature": "secret", "Accept": "text/plain"}
        got = await Outbound(HOME).send(Sent(url=one.url("/redirect"), headers=headers, redirects_max=1))
        assert got.body == b"this is two"
        assert b"secret" in one.requests[0]
        assert b"secret" not in two.requests[0]
        assert b"accept: text/plain" in two.requests[0].lower()


@pytest.mark.parametrize("path", ["/drip", "/silent"])
async def test_who_is_slow_is_given_up_when_the_time_is_over(path: str) -> None:
    async with listening("one") as house:
        got = await Outbound(HOME).send(Sent(url=house.url(path), total_ms=400))
        assert (got.outcome, got.body) == ("timed_out", b"")
        assert 390 <= got.duration_ms < 2_000


async def test_a_resolver_that_hangs_and_a_full_house_count_as_time() -> None:
    async def never(host: str, port: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    got = await Outbound(HOME, resolve=never).send(Sent(url="http://slow.example/", total_ms=200))
    assert got.outcome == "timed_out"
    async with listening("one") as house:
        out = Outbound(HOME, at_once_max=1)
        slow = asyncio.create_task(out.send(Sent(url=house.url("/silent"), total_ms=1_000)))
        await asyncio.sleep(0.1)
        assert (await out.send(Sent(url=house.url(), total_ms=200))).outcome == "timed_out"
        slow.cancel()
        await asyncio.gather(slow, return_exceptions=True)
        assert (await out.send(Sent(url=house.url()))).status == 200


async def test_a_huge_body_is_left_where_it_is() -> None:
    async with listening("one") as house:
        tracemalloc.start()
        try:
            for path in ("/huge", "/announced"):
                got = await Outbound(HOME).send(Sent(url=house.url(path), bytes_max=MEBIBYTE))
                assert (got.outcome, got.body) == ("too_large", b"")
            assert tracemalloc.get_traced_memory()[1] < 8 * MEBIBYTE
        finally:
            tracemalloc.stop()


async def test_a_compressed_bomb_is_never_unpacked() -> None:
    async with listening("one") as house:
        got = await Outbound(HOME).send(Sent(url=house.url("/bomb")))
        assert (got.outcome, got.body) == ("bad_answer", b"")
        assert "coding" in got.detail


@pytest.mark.parametrize(
    ("path", "outcome"),
    [
        ("/garbage", "bad_answer"),
        ("/cut", "bad_answer"),
        ("/headers", "bad_answer"),
        ("/endless-headers", "bad_answer"),
    ],
)
async def test_what_is_no_http_is_told_apart(path: str, outcome: str) -> None:
    async with listening("one") as house:
        assert (await Outbound(HOME).send(Sent(url=house.url(path), total_ms=10_000))).outcome == outcome


async def test_where_nobody_listens_nobody_is_reached_and_trying_again_makes_sense() -> None:
    async with listening("one") as house:
        busy = await Outbound(HOME).send(Sent(url=house.url("/busy")))
        good = await Outbound(HOME).send(Sent(url=house.url("/")))
    gone = await Outbound(HOME).send(Sent(url=house.url("/")))
    refused = await Outbound(HOME).send(Sent(url="http://10.0.0.1/"))
    assert [got.transient for got in (busy, good, gone, refused)] == [True, False, True, False]
    assert gone.outcome == "unreachable"
    assert busy.headers["retry-after"] == "3"


@pytest.mark.parametrize(
    "headers", [{"Host": "x"}, {"Authorization": "x"}, {"Cookie": "x"}, {"Content-Length": "0"}, {"Connection": "x"},
                {"Accept": "a\r\nX: y"}, {"Accept": "ä"}, {"Accept": "a" * 5_000}, {"Proxy-Authorization": "x"}],
)  # fmt: skip
async def test_headers_that_are_not_the_callers_are_a_mistake_of_the_caller(headers: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="header"):
        await Outbound(HOME).send(Sent(url="http://127.0.0.1/", headers=headers))


async def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening("one") as house, listening("proxy") as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.setenv("no_proxy", "")
        assert (await Outbound(HOME).send(Sent(url=house.url()))).body == b"this is one"
        assert not proxy.requests


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Contexts of a server with a certificate for that name, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client


async def test_over_tls_the_name_is_verified_though_the_connection_goes_to_an_address(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    server, client = certificate(tmp_path, "right.example")
    async with listening("one", tls=server) as house:
        out = Outbound(HOME, resolve=resolve, tls=client)
        right = await out.send(Sent(url=house.url(host="right.example", scheme="https")))
        assert right.body == b"this is one"
        assert f"host: right.example:{house.port}".encode() in house.requests[0].lower()
        dotted = await out.send(Sent(url=house.url(host="right.example.", scheme="https")))
        assert dotted.status == 200
        for host in ("wrong.example", "127.0.0.1"):
            wrong = await out.send(Sent(url=house.url(host=host, scheme="https")))
            assert (wrong.outcome, wrong.transient) == ("tls_failed", False)
        unknown = await Outbound(HOME, resolve=resolve).send(
            Sent(url=house.url(host="right.example", scheme="https"))
        )
        assert unknown.outcome == "tls_failed"
        assert len(house.requests) == 2


async def test_a_redirect_never_leaves_https(tmp_path: Path) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    server, client = certificate(tmp_path, "right.example")
    async with listening("tls", tls=server) as house, listening("plain") as plain:
        house.redirect_to = plain.url()
        out = Outbound(HOME, resolve=resolve, tls=client)
        got = await out.send(Sent(url=house.url("/redirect", "right.example", "https"), redirects_max=3))
        assert got.outcome == "refused"
        assert not plain.requests


async def test_certificates_of_the_environment_are_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, _ = certificate(tmp_path, "planted.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "both.pem"))
    async with listening("planted", tls=server) as house:
        url = house.url(host="planted.example", scheme="https")
        assert (await names(planted_example=["127.0.0.1"]).send(Sent(url=url))).outcome == "tls_failed"
        trusting = httpx2.create_ssl_context(trust_env=True)  # what would have been used otherwise
        async with httpx2.AsyncClient(verify=trusting) as client:
            answer = await client.get(
                house.url(scheme="https"), extensions={"sni_hostname": "planted.example"}
            )
            assert answer.status_code == 200


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_nothing_stays_open_after_an_answer() -> None:
    async with listening("one") as house:
        out = Outbound(HOME)
        before = open_files()
        for path in ("/", "/huge", "/bomb", "/cut", "/silent"):
            await out.send(Sent(url=house.url(path), total_ms=300))
        for _ in range(300):
            if open_files() <= before + 1:
                break
            await asyncio.sleep(0.1)
        assert open_files() <= before + 1


def test_faults_of_a_url_are_known_before_it_is_sent() -> None:
    assert url_fault("https://example.org/a?b=c") == ""
    assert url_fault("http://10.0.0.1/") == ""  # where it leads is another question
    assert url_fault("ftp://example.org/") == "only http and https"
