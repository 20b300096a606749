"""Registering over REST (`POST /api/v1/agents/register`), and keeping the key.

A registration is idempotent by name: the second one returns the agent without its key, because a key is shown once.
"""

from __future__ import annotations

import json
import os
import stat
import unicodedata
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from watchfloor_agent.errors import ConfigurationError, ProtocolError, Refused, Unavailable
from watchfloor_agent.version import SDK

ANSWER_BYTES_MAX = 1024 * 1024
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Registration:
    """An agent as the server knows it. `api_key` is empty when the agent was registered before: rotate to get one."""

    agent_id: str
    structured_id: str
    api_key: str = field(repr=False)
    expires_at: int = 0
    signing_secret: str = field(default="", repr=False)  # of an HTTP worker; shown once, too


def register(
    url: str,
    token: str,
    *,
    name: str,
    capabilities: Sequence[str],
    type: str = "worker",  # noqa: A002  the word of the API
    tools: Sequence[str] = (),
    version: str = "",
    skills: Sequence[str] = (),
    metadata: Mapping[str, Any] | None = None,
    owner: str = "",
    prompt: str = "",
    expires_in_days: int = 0,
    worker_url: str = "",
    timeout_ms: int = 10_000,
    insecure: bool = False,
) -> Registration:
    """Register an agent with an operator's token or an enrolment token. `url` is the server's address, http or ws.

    The agent belongs to whose token it is, to `owner` (id or handle of a person), or to whom the enrolment token says:
    that person answers for it and never decides on its actions. `prompt` is version 1 of what the agent is told.
    With a `worker_url` it is an HTTP worker: tasks are posted there, signed with `signing_secret` (see `verify`).

    Raises Refused (the server says why), Unavailable (it cannot be reached), ConfigurationError, ProtocolError.
    """
    body: dict[str, Any] = {"name": name, "type": type, "capabilities": list(capabilities)}
    optional = {
        "tools": list(tools),
        "version": version,
        "skills": list(skills),
        "metadata": dict(metadata or {}),
        "owner": owner,
        "prompt": prompt,
        "expires_in_days": expires_in_days,
        "url": worker_url,
    }
    body.update({key: value for key, value in optional.items() if value})
    answer = call("POST", f"{origin_of(url, insecure)}/api/v1/agents/register", token, body, timeout_ms)
    try:
        return Registration(
            agent_id=str(answer["agent_id"]),
            structured_id=str(answer.get("structured_id", "")),
            api_key=str(answer.get("api_key") or ""),
            expires_at=int(answer.get("expires_at") or 0),
            signing_secret=str(answer.get("signing_secret") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError("the answer to the registration holds no agent") from error


def digest_of(prompt: str) -> str:
    """What a prompt is pinned by: hex SHA-256 of its UTF-8 bytes in NFC."""
    return sha256(unicodedata.normalize("NFC", prompt).encode()).hexdigest()


def read_key(path: str | Path) -> str:
    """The key in a file that only its owner may read. Raises ConfigurationError."""
    path = Path(path)
    try:
        mode = path.stat().st_mode
        key = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"no key can be read from {path}: {error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path} may be read by others; `chmod 600 {path}`, and rotate the key")
    if not key.startswith(("wf_", "eyJ")) or not key.isprintable() or " " in key:
        raise ConfigurationError(f"{path} holds no key of Watchfloor (wf_…)")
    return key


def write_key(path: str | Path, key: str) -> None:
    """Keep a key in a new file that only its owner may read. Raises ConfigurationError when the file is there."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} is there already; a key is never overwritten") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
        file.flush()
        os.fsync(file.fileno())


def replace_key(path: str | Path, key: str) -> None:
    """Put a new key in the place of the old one, at once: after a crash the file holds one of the two."""
    fresh = Path(path).with_name(f"{Path(path).name}.new")
    fresh.unlink(missing_ok=True)
    write_key(fresh, key)
    fresh.replace(path)


def origin_of(url: str, insecure: bool) -> str:
    """Where REST is served, given the server's address (http or ws). Raises ConfigurationError."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    if scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(f"url is the server's address like https://host, not {url!r}")
    if scheme == "http" and parts.hostname not in LOOPBACK and not insecure:
        raise ConfigurationError(
            f"http:// would show the token to the network between here and {parts.hostname}"
        )
    path = parts.path.removesuffix("/").removesuffix("/ws")
    return urlunsplit((scheme, parts.netloc, path, "", ""))


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token elsewhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def call(
    method: str, url: str, token: str, body: Mapping[str, Any] | None, timeout_ms: int = 10_000
) -> dict[str, Any]:
    """The answer's JSON object. Raises Refused, Unavailable, ProtocolError."""
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "User-Agent": SDK}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, headers, method=method)  # noqa: S310
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if urlsplit(url).hostname in LOOPBACK:
        handlers.append(urllib.request.ProxyHandler({}))
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout_ms / 1000) as response:
            return _object(response.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        with error:
            raise _refusal(error.code, error.read(ANSWER_BYTES_MAX)) from error
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        raise Unavailable(f"{url} cannot be reached: {getattr(error, 'reason', error)}") from error


def _object(data: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(data)
    except ValueError as error:
        raise ProtocolError("the server did not answer with JSON; is this address Watchfloor's?") from error
    if not isinstance(answer, dict):
        raise ProtocolError("the server did not answer with a JSON object; is this address Watchfloor's?")
    return answer


def _refusal(status: int, data: bytes) -> Refused | Unavailable:
    """The problem document (RFC 9457) of an answer that is not 2xx."""
    try:
        problem = _object(data)
    except ProtocolError:
        problem = {}
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
    if status in (429, 502, 503, 504):
        return Unavailable(f"not now: {detail}")
    code = str(
        problem.get("code") or {401: "unauthenticated", 403: "forbidden"}.get(status, f"http_{status}")
    )
    return Refused(code, detail, field=str(problem.get("field") or problem.get("pointer") or ""))
