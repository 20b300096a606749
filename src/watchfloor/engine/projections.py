"""Every table and projector of the product in one place, and `timeline`, which tells stories (DESIGN §1, spec 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watchfloor.actions import views as actions
from watchfloor.conversations import views as conversations
from watchfloor.councils import views as councils
from watchfloor.fleet import views as fleet
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.projection import Change, Index, Projector, Table, instant, integer, text
from watchfloor.people import views as people
from watchfloor.policy import views as policy
from watchfloor.situation import views as situation
from watchfloor.trust import views as trust
from watchfloor.work import views as work

TIMELINE = Table(
    name="timeline",
    version=1,
    meaning=(
        "Every event that belongs to a story, in order: a task, its actions, decisions, verification and trust"
        " share one correlation."
    ),
    key=("story", "seq"),
    columns={
        "story": text("the events' correlation"),
        "seq": integer("of the event; facts and private part are read from the ledger by it"),
        "at": instant("when"),
        "type": text("event type, such as action.decided/1"),
        "kind": text("kind of its subject"),
        "subject": integer("its subject"),
        "actor": text("public id of who did it"),
        "cause": integer("seq of the event that led to it, 0: a command from outside"),
    },
)


def tell(event: Event) -> list[Change]:
    """The event's line in its story; events without a correlation have none."""
    story = event.correlation
    if not story:
        return []
    row = (event.at, event.type, event.kind, event.subject, event.actor.id, event.cause)
    return [Change("timeline", "put", (story, event.seq), row)]


CAPABILITIES = (fleet, work, actions, councils, trust, policy, people, conversations, situation)
TABLES: tuple[Table, ...] = (*(table for part in CAPABILITIES for table in part.TABLES), TIMELINE)
EVERY: tuple[Projector, ...] = (tell,)


def merged(parts: Sequence[Mapping[type[Facts], Projector]]) -> dict[type[Facts], Projector]:
    """One table of projectors. Raises ValueError when two parts project the same facts."""
    projectors: dict[type[Facts], Projector] = {}
    for part in parts:
        twice = projectors.keys() & part.keys()
        if twice:
            raise ValueError(f"projected twice: {sorted(facts.TYPE for facts in twice)}")
        projectors |= part
    return projectors


PROJECTORS: dict[type[Facts], Projector] = merged([part.PROJECT for part in CAPABILITIES])


def reference() -> str:
    """docs/views.md: every table with its columns, as Markdown. A test compares the file with this text."""
    lines = [
        "# Views",
        "",
        "The tables people read, folded from the ledger into `views.db` within 50 ms of a commit and rebuildable at any",
        "time (`decisions/0022`). Generated from the code by `engine/projections.py`; a test keeps the two equal.",
        "",
        "Every table begins with `org`, the organisation's integer, as the first part of its key. Instants are µs UTC,",
        "0 for never. `json` is text holding JSON. Subjects are integers; `id` is the public id. Private parts are not",
        "in views: read them from the ledger by the seqs named here. *Computed* columns are evaluated when read.",
    ]
    for table in sorted(TABLES, key=lambda table: table.name):
        lines += [
            "",
            f"## {table.name}",
            "",
            table.meaning,
            "",
            "| column | type | meaning |",
            "|---|---|---|",
        ]
        lines.append("| `org` | integer, key | organisation |")
        for name, column in table.columns.items():
            kind = (
                column.type
                + (", key" if name in table.key else "")
                + (", nullable" if column.nullable else "")
            )
            lines.append(f"| `{name}` | {kind} | {column.meaning} |")
        for name, computed in table.computed.items():
            kind = computed.column.type + ", computed" + (", nullable" if computed.column.nullable else "")
            lines.append(f"| `{name}` | {kind} | {computed.column.meaning} |")
        indexed = [_indexed(index) for index in table.indexes]
        if indexed:
            lines += ["", "Indexed by " + "; ".join(indexed) + "."]
    return "\n".join(lines) + "\n"


def _indexed(index: Index) -> str:
    columns = ", ".join(["org", *([index.ahead] if index.ahead else []), *index.columns])
    return f"`{columns}`" + (f" where {index.where}" if index.where else "")
