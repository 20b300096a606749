"""Exports that a running server makes for its auditors: written, kept, handed out, pruned (spec 04, docs/ledger-format.md).

Part of the composition root. An export is a directory below `exports/` of the data directory, named by organisation,
size and instant; the newest few of each organisation stay, across restarts. What is handed out is one archive of such a
directory, packed while it is sent: nothing of it is held in memory or written a second time.
"""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
import zipfile
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import suppress
from io import RawIOBase
from pathlib import Path
from typing import Any, Final

import msgspec

from watchfloor.engine.engine import Engine
from watchfloor.http.ports import Archive, Export
from watchfloor.kernel.messages import Refused
from watchfloor.ledger.contract import LedgerError, OrganisationRow
from watchfloor.ledger.directory import DataDirectory
from watchfloor.ledger.export import ExportManifest, export_ledger
from watchfloor.ledger.limits import ARCHIVE_PART_BYTES, EXPORTS_KEPT
from watchfloor.ledger.signer import Signer

_log = logging.getLogger(__name__)
_FOLDER: Final = re.compile(r"^(?P<id>[0-9]{1,10}-[0-9]{1,15})-(?P<at>[0-9]{1,18})\Z")
_INCOMPRESSIBLE: Final = frozenset((".bin",))  # hashes: a compressor only spends time on them


class Exports:
    """The exports of one server. Lives on the event loop; writing and packing happen on threads."""

    def __init__(self, engine: Engine, directory: DataDirectory, signer: Signer) -> None:
        self._engine = engine
        self._folder = directory.path / "exports"
        self._signer = signer
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sent: dict[str, int] = {}  # id → how many times it is being sent just now
        self._known = {found.id: found for found in _on_disk(self._folder)}

    def all(self, org: int) -> list[Export]:
        """Those of an organisation, newest first."""
        found = [export for export in self._known.values() if _org(export.id) == org]
        return sorted(found, key=lambda export: export.created_at, reverse=True)

    def begin(self, row: OrganisationRow, by: str) -> Export:
        """Write one up to the head in the background; the same head is exported once."""
        size = self._engine.head(row.org)
        known = self._known.get(f"{row.org}-{size}")
        if known is not None and known.state != "failed":
            return known
        begun = Export(
            id=f"{row.org}-{size}",
            size=size,
            created_at=self._engine.clock(),
            bytes=0,
            state="running",
            by=by,
        )
        self._known[begun.id] = begun
        _log.info("export %s of %s begun by %s", begun.id, row.public_id, by)
        task = asyncio.create_task(self._write(row, begun))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return begun

    async def _write(self, row: OrganisationRow, begun: Export) -> None:
        target = self._place(begun)
        state, written = "ready", 0
        try:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            manifest = await asyncio.to_thread(
                export_ledger,
                self._engine.ledger,
                row,
                self._signer.key_of(row.public_id),
                target,
                at=begun.created_at,
            )
            written = sum(file.bytes for file in manifest.files.values())
            await asyncio.to_thread((target / "by").write_text, begun.by)
        except (LedgerError, OSError) as error:
            _log.error("export failed: %s", error)
            state = "failed"
            await asyncio.to_thread(shutil.rmtree, target, True)
        self._known[begun.id] = msgspec.structs.replace(begun, bytes=written, state=state)
        for old in self.all(row.org)[EXPORTS_KEPT:]:
            if old.state != "running" and old.id not in self._sent:
                del self._known[old.id]
                await asyncio.to_thread(shutil.rmtree, self._place(old), True)

    def _place(self, export: Export) -> Path:
        return self._folder / f"{export.id}-{export.created_at}"

    async def archive(self, row: OrganisationRow, export_id: str, by: str) -> Archive:
        """A finished export as one ZIP archive. Raises Refused: there is none of that id here, or it is not ready."""
        found = self._known.get(export_id)
        # By its id and by what was written into it: an export never leaves the organisation it is of.
        if found is None or _org(found.id) != row.org:
            raise Refused("not_found", "there is no such export here", status=404)
        if found.state != "ready":
            raise Refused(
                "export_not_ready",
                f"the export is {found.state}",
                status=409,
                retryable=found.state == "running",
            )
        place = self._place(found)
        manifest = await asyncio.to_thread(_manifest, place)
        if manifest is None or manifest.organisation != row.public_id:
            raise Refused("not_found", "there is no such export here", status=404)
        _log.info("export %s of %s taken by %s", found.id, row.public_id, by)
        return Archive(
            name=f"watchfloor-{row.public_id}-{found.size}.zip", parts=self._parts(found, place, manifest)
        )

    async def _parts(
        self, export: Export, place: Path, manifest: ExportManifest
    ) -> AsyncGenerator[bytes, None]:
        """The archive's bytes, packed on a thread as fast as they are taken."""
        packing = packed(place, ("manifest.json", "key.vkey", *manifest.files))
        self._sent[export.id] = self._sent.get(export.id, 0) + 1
        try:
            while part := await asyncio.to_thread(next, packing, b""):
                yield part
        finally:
            left = self._sent.pop(export.id) - 1
            if left:
                self._sent[export.id] = left
            with suppress(ValueError):  # given up while a thread was at it: it ends with that thread
                packing.close()

    async def stop(self) -> None:
        """Leave what is being written; the next start removes it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def packed(folder: Path, names: tuple[str, ...]) -> Generator[bytes, None, None]:
    """A ZIP archive of some files of a folder, in parts of about ARCHIVE_PART_BYTES."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", allowZip64=True) as archive:
        for name in names:
            path = folder / name
            entry = zipfile.ZipInfo.from_file(path, f"watchfloor-export/{name}")
            stored = path.suffix in _INCOMPRESSIBLE
            entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o600 << 16
            with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                while block := source.read(ARCHIVE_PART_BYTES):
                    target.write(block)
                    if pipe.size >= ARCHIVE_PART_BYTES:
                        yield pipe.taken()
    yield pipe.taken()


class _Pipe(RawIOBase):
    """What was written and not yet taken. It cannot seek, so the archive is written from front to end."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self.size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """All of it, once."""
        found = b"".join(self._parts)
        self._parts, self.size = [], 0
        return found


def _org(export_id: str) -> int:
    return int(export_id.partition("-")[0])


def _manifest(place: Path) -> ExportManifest | None:
    """What an export says of itself; None while it is not finished (the manifest is written last)."""
    try:
        return msgspec.json.decode((place / "manifest.json").read_bytes(), type=ExportManifest)
    except (OSError, msgspec.MsgspecError):
        return None


def _on_disk(folder: Path) -> Iterator[Export]:
    """Finished exports of earlier runs. One that was interrupted is removed: nobody can use it."""
    for place in folder.iterdir() if folder.is_dir() else ():
        named = _FOLDER.match(place.name)
        if named is None or place.is_symlink():
            continue
        manifest = _manifest(place)
        if manifest is None:
            shutil.rmtree(place, ignore_errors=True)
            continue
        by = place / "by"
        yield Export(
            id=named["id"],
            size=manifest.size,
            created_at=int(named["at"]),
            bytes=sum(file.bytes for file in manifest.files.values()),
            state="ready",
            by=by.read_text() if by.is_file() else "",
        )
