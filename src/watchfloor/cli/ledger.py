"""`watchfloor ledger …`: the record itself, on the data directory of a server (spec 04).

verify, export, audit, replay and backup work while the server runs; restore and recover need it stopped.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from watchfloor.cli.output import Failure, instant, show, table, visible

app = App(name="ledger", help="Verify, export, audit, replay, back up, restore and recover the record.")


def _ignore(reason: str) -> None:
    """Readers report damage by raising; nobody else listens here."""


def _open(data: Path) -> Any:
    from watchfloor.ledger.sqlite.reader import Reader

    database = data / "ledger.db"
    if not database.exists():
        raise Failure(f"{database} does not exist: name the data directory with --data", 2)
    return Reader(database, _ignore)


def _now() -> int:
    return time.time_ns() // 1_000


def _keys(data: Path, origin: str, reads: Any) -> dict[str, Any]:
    from watchfloor.ledger.signer import public_key_of

    found = public_key_of(data / "signer", origin)
    return {row.public_id: found(row.public_id) for row in reads.organisations()}


@app.command
def verify(*, data: Path = Path("watchfloor-data"), processes: int = 2, json: bool = False) -> None:
    """Verify chain, tree, private parts and checkpoints of every organisation, from the first event."""
    from functools import partial

    from watchfloor.ledger.sqlite.reader import Reader
    from watchfloor.ledger.verify import verify_ledger

    reads = _open(data)
    keys = _keys(data, _origin(reads), reads)
    reports = verify_ledger(
        partial(Reader, data / "ledger.db", _ignore), keys.__getitem__, processes=processes
    )
    rows = [
        {
            "organisation": r.public_id,
            "events": r.size,
            "checkpoints": r.checkpoints,
            "redacted": r.redacted,
            "result": r.problem or "good",
            "first_bad": r.first_bad,
        }
        for r in reports
    ]
    columns = [
        ("organisation", "ORGANISATION"),
        ("events", "EVENTS"),
        ("checkpoints", "CHECKPOINTS"),
        ("result", "RESULT"),
    ]
    show(rows, json=json, text=table(rows, columns, "The ledger is empty."))
    if any(r.problem for r in reports):
        raise Failure("the ledger does not verify", 2)


def _origin(reads: Any) -> str:
    """The deployment's name, as its own newest checkpoint says it (the key still has to fit)."""
    for row in reads.organisations():
        newest = reads.latest_checkpoint(row.org)
        if newest is not None:
            return str(newest.note.split("\n", 1)[0].removesuffix(f"/{row.public_id}"))
    return "watchfloor.local"


def _organisation(reads: Any, public_id: str) -> Any:
    rows = reads.organisations()
    for row in rows:
        if row.public_id == public_id or (not public_id and len(rows) == 1):
            return row
    raise Failure(f"which organisation? {', '.join(row.public_id for row in rows) or 'there is none'}", 2)


@app.command
def export(
    directory: Path,
    *,
    data: Path = Path("watchfloor-data"),
    organisation: str = "",
    private: bool = False,
    json: bool = False,
) -> None:
    """Write an organisation's whole record into DIRECTORY, for `watchfloor-verify` and auditors.

    Parameters
    ----------
    private
        Also write the private parts (parameters, texts) that were not erased.
    """
    from watchfloor.ledger.contract import LedgerError
    from watchfloor.ledger.export import export_ledger

    reads = _open(data)
    row = _organisation(reads, organisation)
    key = _keys(data, _origin(reads), reads)[row.public_id]
    try:
        manifest = export_ledger(reads, row, key, directory, at=_now(), privates=private)
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error
    said = f"{manifest.size} events in {directory}\nVerify it anywhere: watchfloor-verify {directory} --key '{key.text}'"
    show({"directory": str(directory), "size": manifest.size, "key": key.text}, json=json, text=said)


def _core(data: Path) -> Any:
    """A core on a read-only store: every rule, no writer."""
    from watchfloor.engine.sequencer import Sequencer
    from watchfloor.engine.wiring import wire

    reads = _open(data)
    wiring, rules, catalogue = wire()
    return Sequencer(wiring, rules, catalogue, reads), reads


@app.command
def audit(*, data: Path = Path("watchfloor-data"), organisation: str = "", json: bool = False) -> None:
    """Judge every ruling again with the evidence it recorded: same, differs (a failure) or superseded."""
    from watchfloor.engine.auditing import audit_all

    core, reads = _core(data)
    row = _organisation(reads, organisation)
    counts, differing = audit_all(reads, core.catalogue, row.org)
    said = f"same {counts['same']}, superseded {counts['superseded']}, differs {counts['differs']}"
    show({**counts, "seqs_that_differ": differing}, json=json, text=said)
    if counts["differs"]:
        raise Failure(f"rulings that differ: {', '.join(map(str, differing[:20]))}", 6)


@app.command
def replay(
    *,
    data: Path = Path("watchfloor-data"),
    organisation: str = "",
    until: int = 0,
    follow: str = "",
    json: bool = False,
) -> None:
    """Rebuild state from the first event; or follow one task, action, decision or agent through time.

    Parameters
    ----------
    until
        Stop at this seq (0: the end).
    follow
        A public id; prints every event of its story.
    """
    from watchfloor.engine.replaying import replayed, told

    core, reads = _core(data)
    row = _organisation(reads, organisation)
    if follow:
        lines = told(reads, core.catalogue, row.org, follow)
        text = "\n".join(
            f"{e['seq']:>6}  {instant(e['at'])}  {e['type']:<26} {visible(e['actor'])}  {visible(e['facts'])}"
            for e in lines
        )
        show(lines, json=json, text=text or "Nothing is known of it.")
        return
    found = replayed(core, reads, row, until)
    show(found, json=json, text="\n".join(f"{name:>20}: {value}" for name, value in found.items()))


@app.command
def backup(*, data: Path = Path("watchfloor-data"), keep: int = 3, json: bool = False) -> None:
    """Copy the ledger while it runs, and prove the copy by restoring and verifying it."""
    from watchfloor.ledger.backup import make_backup
    from watchfloor.ledger.contract import LedgerError
    from watchfloor.ledger.signer import state_copy

    reads = _open(data)
    keys = _keys(data, _origin(reads), reads)
    try:
        made = make_backup(
            data / "ledger.db",
            data / "backups",
            now=_now,
            key_of=keys.__getitem__,
            signer_state=state_copy(data / "signer"),
            keep=keep,
        )
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error
    manifest = made.manifest
    said = f"{made.path}\n{manifest.bytes} bytes, sha256 {manifest.sha256}, restored and verified"
    show({"path": str(made.path), **msgspec.to_builtins(manifest)}, json=json, text=said)


@app.command
def restore(
    backup: Path, *, data: Path = Path("watchfloor-data"), replace: bool = False, json: bool = False
) -> None:
    """Put a backup in place (the server must be stopped). An older history is then *rollback suspected* at start.

    Parameters
    ----------
    replace
        Move an existing ledger aside first; it is never overwritten.
    """
    from watchfloor.ledger import recovery
    from watchfloor.ledger.contract import LedgerError

    try:
        manifest = recovery.restore(backup, data, now=_now, replace=replace)
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error
    said = f"restored {manifest.bytes} bytes of {instant(manifest.created_at)} into {data}"
    if not (data / "signer" / "key").exists():
        said += f"\nNo backup holds the signer's key: put yours at {data / 'signer' / 'key'} before anything else."
    show(msgspec.to_builtins(manifest), json=json, text=said)


@app.command
def recover(
    *,
    data: Path = Path("watchfloor-data"),
    declare_rollback: bool = False,
    reason: str = "",
    json: bool = False,
) -> None:
    """See why a ledger is read-only; or accept a shorter history, which is recorded (the server must be stopped).

    Parameters
    ----------
    declare_rollback
        Accept the history that is here although more was signed. Needs --reason.
    """
    from watchfloor.app import Backbone
    from watchfloor.config import Config
    from watchfloor.ledger.contract import LedgerError

    if declare_rollback and not reason:
        raise Failure("say why: --reason", 2)
    reads = _open(data)
    settings = Config(data=str(data), origin=_origin(reads))

    async def run() -> dict[str, Any]:
        backbone = Backbone(settings)
        found = backbone.found_at_start
        declared: list[Any] = []
        if declare_rollback and found.rollback:
            declared = await backbone.declare_rollback(reason)
        await backbone.stop()
        return {"read_only": found.read_only, "rollback_suspected": found.rollback, "declared": declared}

    try:
        result = asyncio.run(run())
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error
    said = result["read_only"] or "nothing is wrong"
    if result["declared"]:
        said = "declared and recorded: " + "; ".join(
            f"{d['public_id']} now has {d['size_now']} events, {d['size_lost']} had been signed"
            for d in result["declared"]
        )
    show(result, json=json, text=said)
    if result["read_only"] and not result["declared"]:
        raise Failure("the ledger is read-only", 3)
