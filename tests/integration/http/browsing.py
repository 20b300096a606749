"""A browser without JavaScript, as far as these tests need one."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx2
from tests.integration.http.kit import Person, Running


def attributes(page: str) -> set[str]:
    """Names of all attributes of a page."""
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.update(name for name, _ in attrs)

    Reader().feed(page)
    return found


class Browser:
    """Follows nothing by itself, keeps cookies, reads forms; says what browsers say of where a request comes from."""

    def __init__(self, server: Running, person: Person | None = None, org: int = 0) -> None:
        self.server = server
        self.client = server.client()
        if person is not None:
            answer = self.post(f"/sign-in/{server.link(person, org)}", {})
            assert answer.status_code == 303, answer.text

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[:500])
        return answer.text

    def post(self, path: str, fields: dict[str, str], **headers: str) -> httpx2.Response:
        ours = {"origin": self.server.url, "sec-fetch-site": "same-origin", "referer": self.server.url + "/"}
        return self.client.post(
            path,
            data=fields,
            headers={**ours, **{name.replace("_", "-"): value for name, value in headers.items()}},
        )

    def form(self, path: str) -> dict[str, str]:
        """The hidden fields of the page's own form."""
        page = self.get(path).partition("<main")[2]
        return dict(re.findall(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">', page))
