"""The server as the command line sees it: address and token, requests, refusals as failures.

Address and token come from WATCHFLOOR_URL and WATCHFLOOR_TOKEN, or from a profile file (WATCHFLOOR_PROFILE, else
`operator.json` in ./watchfloor-demo or ./watchfloor-data). A token is never given on the command line.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx
import msgspec

from watchfloor.cli.output import Failure

PROFILES = ("watchfloor-demo/operator.json", "watchfloor-data/operator.json")


class Profile(msgspec.Struct, frozen=True):
    """Where the server is, and a person's token for it."""

    url: str
    token: str


def profile() -> Profile:
    """The profile in force. Raises Failure when there is none."""
    url, token = os.environ.get("WATCHFLOOR_URL"), os.environ.get("WATCHFLOOR_TOKEN")
    if url and token:
        return Profile(url.rstrip("/"), token)
    named = os.environ.get("WATCHFLOOR_PROFILE")
    for path in (named,) if named else PROFILES:
        if Path(path).exists():
            try:
                found = msgspec.json.decode(Path(path).read_bytes(), type=Profile)
            except msgspec.DecodeError as error:
                raise Failure(f"{path} is not a profile: {error}", 2) from error
            return Profile(url.rstrip("/") if url else found.url, token or found.token)
    raise Failure(
        "which server? Set WATCHFLOOR_URL and WATCHFLOOR_TOKEN (make a token with `watchfloor serve --first-admin`), or"
        " run in the folder where `watchfloor demo` runs.",
        2,
    )


class Client:
    """Requests to one server with one token."""

    def __init__(self, found: Profile | None = None) -> None:
        self.profile = found or profile()
        self._http = httpx.Client(
            base_url=self.profile.url,
            headers={"Authorization": f"Bearer {self.profile.token}"},
            timeout=30,
        )

    def get(self, path: str, **params: Any) -> Any:
        """The answer's JSON. A query goes into `path` or into `params`, not into both."""
        wanted = {name: value for name, value in params.items() if value not in (None, "")}
        return self._send("GET", path, params=wanted or None)  # an empty dict would erase the query in `path`

    def post(self, path: str, body: Any = None) -> Any:
        """Send a command with a fresh Idempotency-Key; the answer's JSON."""
        return self._send("POST", path, json=body if body is not None else {}, key=True)

    def put(self, path: str, body: Any, headers: dict[str, str]) -> Any:
        return self._send("PUT", path, json=body, key=True, headers=headers)

    def pages(self, path: str, limit: int, **params: Any) -> list[Any]:
        """Items of all pages, at most `limit`."""
        items: list[Any] = []
        cursor = ""
        while len(items) < limit:
            page = self.get(path, limit=min(200, limit - len(items)), cursor=cursor, **params)
            items.extend(page["items"])
            cursor = page.get("next") or ""
            if not cursor:
                break
        return items

    def agent_path(self, agent: str, *rest: str | int) -> str:
        """The path of an agent said by its id, structured code or name, and of what is below it.

        A name with a slash is no one segment of a path, so its id is looked up. Raises Failure.
        """
        if "/" in agent:
            found = self.get("/api/v1/agents", name=agent)["items"]
            if not found:
                raise Failure(f"not_found: there is no agent {agent!r}", 3)
            agent = found[0]["agent_id"]
        return "/".join(("/api/v1/agents", *(quote(str(part), safe="") for part in (agent, *rest))))

    def _send(
        self, method: str, path: str, *, key: bool = False, headers: dict[str, str] | None = None, **rest: Any
    ) -> Any:
        headers = dict(headers or {})
        if key:
            headers["Idempotency-Key"] = secrets.token_hex(16)
        try:
            answer = self._http.request(method, path, headers=headers, **rest)
        except httpx.HTTPError as error:
            raise Failure(f"{self.profile.url} cannot be reached: {error}", 4) from error
        if answer.status_code >= 400:
            raise Failure(refusal(answer), 3)
        if "json" in answer.headers.get("content-type", ""):
            return answer.json()
        return answer.text

    def events(self, path: str, wait_s: float, **params: Any) -> Iterator[tuple[str, Any]]:
        """(event, data) of a stream of server-sent events, until it ends or `wait_s` seconds have passed."""
        ends = time.monotonic() + wait_s
        # The server shows a sign of life every 15 s, so that the clock is looked at at least that often.
        timeout = httpx.Timeout(30, read=max(1.0, wait_s))
        try:
            with self._http.stream("GET", path, params=params, timeout=timeout) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    raise Failure(refusal(answer), 3)
                kind = "message"
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data":
                        yield kind, msgspec.json.decode(value)
                    if time.monotonic() > ends:
                        return
        except httpx.ReadTimeout:
            return
        except httpx.HTTPError as error:
            raise Failure(f"{self.profile.url} cannot be reached: {error}", 4) from error

    def etag(self, path: str) -> str:
        """The ETag of a resource, for If-Match."""
        try:
            answer = self._http.get(path)
        except httpx.HTTPError as error:
            raise Failure(f"{self.profile.url} cannot be reached: {error}", 4) from error
        return str(answer.headers.get("etag", ""))


def refusal(answer: httpx.Response) -> str:
    """A problem document as one sentence, with the fields it points at."""
    try:
        problem = answer.json()
    except ValueError:
        return f"the server answered {answer.status_code}"
    detail = problem.get("detail") or problem.get("title") or f"status {answer.status_code}"
    fields = "; ".join(filter(None, (_where(error, detail) for error in problem.get("errors", []))))
    again = " (safe to retry)" if problem.get("retryable") else ""
    return f"{problem.get('code', answer.status_code)}: {detail}{f' [{fields}]' if fields else ''}{again}"


def _where(error: dict[str, str], detail: str) -> str:
    """The field with what is wrong with it, without what `detail` says already."""
    field, said = error.get("pointer", error.get("field", "")), error.get("detail", "")
    if f"{field}: {said}" in detail:
        return ""
    return field if said in detail else f"{field}: {said}"
