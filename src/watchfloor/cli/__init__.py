"""The command line `watchfloor` (spec 8). Sub-commands are loaded when they are asked for, so that it starts fast."""

from __future__ import annotations

import os
import sys

from cyclopts import App

from watchfloor import __version__

app = App(
    name="watchfloor",
    version=__version__,
    help="Mission control for fleets of AI agents: every action passes one gate and leaves one provable record.",
)
app.register_install_completion_command(help="Install tab completion for your shell.")

for name, about in (
    ("serve", "Start the server."),
    (
        "demo",
        "Start a server with a demo organisation and a real agent at work; --unattended plays it through.",
    ),
    ("doctor", "Check this machine and a data directory."),
    ("agent", "Register, list and stop agents; manage their keys."),
    ("sidecar", "Turn any command-line program into an agent."),
    ("supervision", "Let agents supervise others; see and pass on who does."),
    ("people", "List and add people; make their sign-in links."),
    ("task", "Submit and follow tasks."),
    ("budget", "Limit what an organisation, an agent or a task may spend; see what is left."),
    ("economics", "See what work cost and was worth."),
    ("chat", "Talk with an agent; search what was said."),
    ("channel", "See and post in the channels of agents."),
    ("notify", "Set how you are told; send test messages; see deliveries."),
    ("oncall", "See and set who is on call."),
    ("committee", "See who decides together, and whether those who are here suffice."),
    ("trust", "See how far an agent is trusted, why, and what would lift it; adjust it."),
    ("anomalies", "See what agents do out of the ordinary; acknowledge and resolve it."),
    ("situation", "See how things stand, what is about to happen, what happened meanwhile."),
    ("alerts", "See what people should know of now; acknowledge and resolve it."),
    ("analytics", "See how much runs without people, and how they decide."),
    ("kill", "Stop agents, actions, tools or everything; lift stops, at once or in stages."),
    ("decisions", "See what waits for people; approve or deny it."),
    ("sql", "Ask the views in SQL; save and list queries."),
    ("top", "Watch agents, tasks and decisions live."),
    ("ledger", "Verify, export, audit, replay, back up, restore and recover the record."),
    ("policy", "Show, check, compare and apply policies."),
    ("bench", "Measure this machine and Watchfloor on it."),
):
    app.command(f"watchfloor.cli.{name}:app", name=name, help=about)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 it did not work, 2 wrong usage, 3 refused by the server, 4 server not reached."""
    from watchfloor.cli.output import Failure

    try:
        app()
    except Failure as failure:
        sys.stderr.write(f"watchfloor: {failure}\n")
        sys.exit(failure.status)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `watchfloor … | head`: nobody reads on, and nobody wants to hear of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if os.environ.get("WATCHFLOOR_TRACEBACK"):
            raise
        from watchfloor.ledger.contract import LedgerError

        if isinstance(error, LedgerError):  # damaged, locked, without its key: the store says it in words
            sys.stderr.write(f"watchfloor: {error}\n")
            sys.exit(1)
        sys.stderr.write(
            f"watchfloor: a fault of ours, please report it: {type(error).__name__}: {error}\n"
            "(WATCHFLOOR_TRACEBACK=1 shows where)\n"
        )
        sys.exit(1)
