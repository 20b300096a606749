"""The few files our pages need, held in memory and addressed by their content, so browsers may keep them."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

from watchfloor.http.asking import Call
from watchfloor.http.problems import not_found
from watchfloor.http.replies import Reply

_FOLDER = Path(__file__).parent.parent / "assets"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
KEEP = "public, max-age=31536000, immutable"


@cache
def files() -> dict[str, tuple[str, bytes]]:
    """Address → (media type, content). The address holds the beginning of the content's digest."""
    found = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            name = f"{path.stem}-{sha256(content).hexdigest()[:12]}{path.suffix}"
            found[name] = (_TYPES[path.suffix], content)
    return found


@cache
def url(name: str) -> str:
    """Where a file is served. Raises KeyError."""
    stem, _, suffix = name.rpartition(".")
    for address in files():
        if address.startswith(f"{stem}-") and address.endswith(f".{suffix}"):
            return f"/assets/{address}"
    raise KeyError(name)


def serve(call: Call) -> Reply:
    """The file of the path."""
    found = files().get(call.path["asset"])
    if found is None:
        raise not_found("file")
    media_type, content = found
    return Reply(content=content, media_type=media_type, headers={"cache-control": KEEP})
