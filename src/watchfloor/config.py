"""One table of settings: environment `WATCHFLOOR_*` over `watchfloor.toml` over the defaults below (DESIGN §4)."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec


class OIDCProvider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An identity provider people may sign in with (OpenID Connect). `id` is in addresses, `name` on the button.

    Nobody is added by signing in: the address the provider calls verified has to be one person's here. `domains` limits
    which addresses it may speak for (empty: any), `organisation` (id or name) for whose people (empty: of all).
    """

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    issuer: Annotated[
        str, msgspec.Meta(pattern=r"^(?:https://\S+|http://(?:127\.0\.0\.1|localhost)(?:[:/]\S*)?)\Z")
    ]
    client_id: str
    client_secret: str = ""  # empty: a public client, with PKCE alone
    domains: tuple[str, ...] = ()
    organisation: str = ""

    def __repr__(self) -> str:
        return f"OIDCProvider({self.id} at {self.issuer})"


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting of a server. Paths are relative to the working directory; `port` 0 takes a free one."""

    data: str = "watchfloor-data"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 7300
    public_url: str = ""
    origin: str = "watchfloor.local"  # name of this deployment's logs in signed checkpoints
    signer: str = (
        ""  # directory of the signer's key and state, best on another disk; empty: in the data directory
    )
    node: str = "node-1"
    sockets: Literal["picows", "websockets-sansio"] = "picows"
    synchronous: Literal["FULL", "NORMAL"] = "FULL"  # NORMAL is for benchmarks only
    heartbeat_ms: int = 30_000
    ping_interval_ms: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000  # of open sockets
    pong_timeout_ms: Annotated[int, msgspec.Meta(ge=1_000)] = 20_000  # without a pong for so long: closed
    connections_max: int = 12_000
    connections_per_organisation_max: int = 11_000
    accepts_per_second: int = 6_000
    origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    tls_certificate: str = ""  # PEM with the chain; then TLS ends here, without a proxy
    tls_key: str = ""  # PEM; empty: in the same file
    tls_client_ca: str = ""  # PEM with the authorities of client certificates; empty: none is asked for
    tls_client_required: bool = (
        False  # no connection without a client certificate, people's browsers included
    )
    tls_proxies: tuple[
        str, ...
    ] = ()  # SHA-256 (hex) of the certificates of proxies whose Client-Cert is believed
    verify_roots: tuple[str, ...] = ()  # directories in which task criteria may run commands
    verify_commands: tuple[str, ...] = ("python", "python3", "ruff", "bandit", "git", "test")
    outbound_allow: tuple[str, ...] = ()  # networks and hosts inside that the platform may send requests to
    oidc: tuple[OIDCProvider, ...] = ()  # [[oidc]] tables, or JSON in WATCHFLOOR_OIDC
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    backup_hours: int = 24
    disk_reserve_mib: Annotated[int, msgspec.Meta(ge=1, le=65_536)] = (
        64  # kept back for a full disk (DESIGN 2b.17)
    )
    snapshot_events: int = 100_000

    def of_sockets(self) -> dict[str, Any]:
        """What the socket layer is told, by its names."""
        names = ("origins", "tls_proxies", "ping_interval_ms", "pong_timeout_ms")
        return {name: getattr(self, name) for name in names}


class ConfigInvalid(ValueError):
    """A setting has a wrong value; the message names the setting and where it came from."""


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Config:
    """The settings in force. Raises ConfigInvalid."""
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    file = path or Path(environment.get("WATCHFLOOR_CONFIG", "watchfloor.toml"))
    if file.exists():
        try:
            values.update(tomllib.loads(file.read_text()))
        except (tomllib.TOMLDecodeError, OSError) as error:
            raise ConfigInvalid(f"{file}: {error}") from error
    elif path is not None:
        raise ConfigInvalid(f"{file} does not exist")
    for name in Config.__struct_fields__:
        text = environment.get(f"WATCHFLOOR_{name.upper()}")
        if text is not None:
            values[name] = text.split(",") if name in _LISTS else _json(name, text) if name in _JSON else text
    try:
        return msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigInvalid(f"settings ({file} and WATCHFLOOR_*): {error}") from error


def _json(name: str, text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise ConfigInvalid(f"WATCHFLOOR_{name.upper()}: {error}") from error


_JSON = ("oidc",)
_LISTS = ("origins", "trusted_proxies", "tls_proxies", "verify_roots", "verify_commands", "outbound_allow")
