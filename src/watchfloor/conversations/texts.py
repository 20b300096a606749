"""What may be said: the text of a message, and its canonical private part (spec 2.6; DESIGN 2b.1, law *Limits*)."""

from __future__ import annotations

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.limits import MESSAGE_BYTES_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.schema import check_canonical_text

# JSON writes a control character as six bytes, and puts {"text":""} around.
_PRIVATE_BYTES_MAX = 6 * MESSAGE_BYTES_MAX + 16


def said(text: str, field: str = "/text") -> bytes:
    """The private part {"text"}. Raises Refused `empty_message`, `too_large`, `not_canonical`.

    Control characters and those that turn or hide text are kept: they are what was said. Whoever shows it makes them
    visible (fault I2).
    """
    if not text.strip():
        raise Refused("empty_message", "a message says something", field=field, status=422)
    check_canonical_text(text, field)
    if len(text.encode()) > MESSAGE_BYTES_MAX:
        detail = f"a message takes at most {MESSAGE_BYTES_MAX} bytes of UTF-8"
        raise Refused("too_large", detail, field=field, status=413)
    return canonical({"text": text})


def titled(title: str) -> bytes:
    """The private part {"title"} of a chat, nothing for an empty title. Raises Refused."""
    if len(title) > NAME_CHARS_MAX:
        raise Refused("too_long", f"takes at most {NAME_CHARS_MAX} characters", field="/title", status=422)
    check_canonical_text(title, "/title")
    return canonical({"title": title}) if title else b""


def check_private(private: bytes) -> None:
    """The bound again where rules see only bytes: nothing larger reaches the ledger, whoever made the command."""
    if not private:
        raise Refused("empty_message", "a message says something", field="/text", status=422)
    if len(private) > _PRIVATE_BYTES_MAX:
        raise Refused("too_large", "the message is too large", field="/text", status=413)
