"""What a command printed, made fit to be kept: bounded, plain, without secrets (spec 2.4 *Executed work*)."""

from __future__ import annotations

import re
import unicodedata

REDACTED = "[redacted]"
# Escape sequences of terminals (ECMA-48): CSI, OSC and other strings up to their end, then two-character ones.
_ANSI = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)|\x1b[ -/]*[0-~]|\x9b[0-?]*[ -/]*[@-~]",
    re.DOTALL,
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_NAME = r"[A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|access[_-]?key|credential)"
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
        ),
        REDACTED,
    ),
    (re.compile(r"\b(wf_[a-z]{3}_[0-9a-z]{16})_[A-Za-z0-9_-]{16,}"), rf"\1_{REDACTED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REDACTED),
    (
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})"),
        REDACTED,
    ),
    (
        re.compile(r"\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|sk-[A-Za-z0-9_-]{20,}|sk_live_[A-Za-z0-9]{16,})"),
        REDACTED,
    ),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@"), rf"\1:{REDACTED}@"),
    (
        re.compile(rf"(?i)(?<![A-Za-z0-9])({_NAME}[\"']?\s*[:=]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"',;&]+)"),
        rf"\1{REDACTED}",
    ),
)


def plain(raw: bytes) -> str:
    """Text without escape sequences, control characters (but tab and newline) and undecodable bytes, in NFC."""
    text = _ANSI.sub("", raw.decode("utf-8", "replace"))
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return unicodedata.normalize("NFC", _CONTROLS.sub("", text))


def without_secrets(text: str) -> str:
    """The text with keys, tokens and passwords replaced, by their form or by the name in front of them."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text


class Kept:
    """The beginning and the end of a stream; what lies between is counted and forgotten."""

    def __init__(self, bytes_max: int) -> None:
        self._half = bytes_max // 2
        self._head = bytearray()
        self._tail = bytearray()
        self.left_out = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        self._head += data[:room] if room > 0 else b""
        self._tail += data[max(room, 0) :]
        excess = len(self._tail) - self._half
        if excess > 0:
            del self._tail[:excess]
            self.left_out += excess

    def raw(self) -> bytes:
        """What was kept, as it came; a hole where something was left out."""
        return bytes(self._head + self._tail)

    def text(self, chars_max: int) -> str:
        """Plain text without secrets, at most about `chars_max` characters, saying what was left out."""
        head, tail = without_secrets(plain(bytes(self._head))), without_secrets(plain(bytes(self._tail)))
        if not self.left_out:
            whole = without_secrets(plain(bytes(self._head + self._tail)))
            if len(whole) <= chars_max:
                return whole
            head, tail = whole[: chars_max // 2], whole[-(chars_max // 2) :]
            return f"{head}\n[… {len(whole) - 2 * (chars_max // 2)} characters left out …]\n{tail}"
        return f"{head[: chars_max // 2]}\n[… {self.left_out} bytes left out …]\n{tail[-(chars_max // 2) :]}"
