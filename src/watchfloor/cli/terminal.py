"""The screen of `watchfloor top`, with textual. It draws what `watching` knows and decides nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import DataTable, Footer, Input, Static

from watchfloor.cli import watching
from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, visible
from watchfloor.cli.watching import Newest, Picture

SORTS = ("state", "name", "tier", "tasks")
_COLOURS = {
    "working": "green", "idle": "cyan", "assigned": "green", "blocked": "yellow", "degraded": "yellow",
    "quarantined": "red", "offline": "dim", "retired": "dim", "immediate": "red", "high": "yellow",
}  # fmt: skip


class Terminal(App[None]):
    """Agents left, tasks and decisions right, the newest events below."""

    TITLE = "watchfloor top"
    CSS = """
    #heading { height: auto; padding: 0 1; background: $panel; }
    #upper { height: 2fr; }
    #right { width: 3fr; }
    #agents { width: 2fr; }
    #tasks { height: 6; }
    #events { height: 1fr; padding: 0 1; border-top: solid $panel; }
    #filter { display: none; }
    #filter.shown { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        ("q", "quit", "Quit"),
        ("s", "sort", "Sort agents"),
        ("slash", "filter", "Filter"),
        ("escape", "unfilter", "No filter"),
        ("r", "ask", "Ask now"),
    ]

    def __init__(self, client: Client, every_s: float = 2.0) -> None:
        super().__init__()
        self._client = client
        self._every_s = every_s
        self._over = threading.Event()
        self._asking = threading.Lock()
        self.newest = Newest()
        self.found: Picture | None = None
        self.trouble = ""
        self.sorted_by = SORTS[0]
        self.wanted = ""

    def compose(self) -> ComposeResult:
        yield Static("asking …", id="heading", markup=False)
        with Horizontal(id="upper"):
            yield DataTable(id="agents", cursor_type="row", zebra_stripes=True)
            with Vertical(id="right"):
                yield DataTable(id="tasks", cursor_type="none")
                yield DataTable(id="decisions", cursor_type="row")
        yield Static("", id="events", markup=False)
        yield Input(placeholder="part of a name, state, type, capability or id; Enter keeps it", id="filter")
        yield Footer()

    def on_mount(self) -> None:
        for name, columns in (
            ("agents", watching.AGENT_COLUMNS),
            ("tasks", watching.TASK_COLUMNS),
            ("decisions", watching.DECISION_COLUMNS),
        ):
            for key, label in columns:
                self.query_one(f"#{name}", DataTable).add_column(label, key=key)
        self.query_one("#agents", DataTable).focus()
        self.set_interval(self._every_s, self.action_ask)
        self.set_interval(0.5, self.draw_events)
        self.action_ask()

    def on_unmount(self) -> None:
        self._over.set()

    # Asking -------------------------------------------------------------------------------------------------------

    def action_ask(self) -> None:
        """Ask for a new picture, on a thread; one at a time."""
        if self._asking.acquire(blocking=False):
            self.run_worker(self._ask, thread=True, exit_on_error=False)

    def _ask(self) -> None:
        try:
            found = watching.steadily(self._client)
            if not self._over.is_set():
                self.call_from_thread(self._answered, found)
        finally:
            self._asking.release()

    def _answered(self, found: Picture | Failure) -> None:
        if isinstance(found, Failure):
            self.trouble = str(found)
        else:
            if self.found is None:
                following = (self._client.profile, self.newest, found.seq, self._over)
                threading.Thread(target=watching.listen, args=following, daemon=True).start()
            self.found, self.trouble = found, ""
        self.draw()

    # Drawing ------------------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Everything that comes from the picture."""
        self._draw_heading()
        if self.found is not None:
            rows = watching.agent_rows(self.found, by=self.sorted_by, text=self.wanted)
            self._fill("agents", watching.AGENT_COLUMNS, rows, "agent_id")
            self._fill("tasks", watching.TASK_COLUMNS, watching.task_rows(self.found), "lane")
            waiting = watching.decision_rows(self.found, self.wanted)
            self._fill("decisions", watching.DECISION_COLUMNS, waiting, "decision_id")
        self.draw_events()

    def _draw_heading(self) -> None:
        if self.found is None:
            self.query_one("#heading", Static).update(self.trouble or "asking …")
            return
        lines = [f"{self.found.url}  seq {self.found.seq}  stream {self.newest.state}"]
        lines.append(watching.heading(self.found, self.newest.rates()))
        chosen = f"sorted by {self.sorted_by}"
        lines.append(f"{chosen}, filter: {visible(self.wanted)}" if self.wanted else chosen)
        if self.trouble:
            lines.append(f"no new picture: {visible(self.trouble)}")
        self.query_one("#heading", Static).update("\n".join(lines))

    def _fill(
        self, name: str, columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, Any]], key: str
    ) -> None:
        """Replace the rows and keep the cursor where it was."""
        table = self.query_one(f"#{name}", DataTable)
        place = table.cursor_coordinate
        table.clear()
        for row in rows:
            cells = (visible(row.get(column, "")) for column, _ in columns)
            table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in cells), key=row[key])
        if table.row_count:
            table.move_cursor(row=min(place.row, table.row_count - 1), column=place.column)

    def draw_events(self) -> None:
        """The newest events that match, as many as fit."""
        place = self.query_one("#events", Static)
        wanted = self.wanted.casefold()
        lines = [visible(watching.sentence(event)) for event in reversed(self.newest.latest())]
        fitting = [line for line in lines if wanted in line.casefold()][: max(3, place.size.height)]
        place.update("\n".join(fitting) or "no event yet")
        self._draw_heading()

    # Keys ---------------------------------------------------------------------------------------------------------

    def action_sort(self) -> None:
        """The next column."""
        self.sorted_by = SORTS[(SORTS.index(self.sorted_by) + 1) % len(SORTS)]
        self.draw()

    def action_filter(self) -> None:
        """Ask for the text."""
        field = self.query_one("#filter", Input)
        field.add_class("shown")
        field.focus()

    def action_unfilter(self) -> None:
        """Show everything again."""
        self.query_one("#filter", Input).value = ""
        self._hide()

    def on_input_changed(self, event: Input.Changed) -> None:
        self.wanted = event.value
        self.draw()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self._hide()

    def _hide(self) -> None:
        self.query_one("#filter", Input).remove_class("shown")
        self.query_one("#agents", DataTable).focus()
