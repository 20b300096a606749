"""`watchfloor committee …`: who decides together, and whether those who are here suffice (spec 3.2 *Committees*)."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, show, table
from watchfloor.councils.panels import Candidate, seated
from watchfloor.kernel.council_terms import CommitteeTerms, Seat

app = App(
    name="committee",
    help="See who decides together. Committees are part of the policy: `watchfloor policy apply`.",
)
_COLUMNS = [
    ("name", "COMMITTEE"),
    ("rule", "RULE"),
    ("needed", "NEEDED"),
    ("who", "WHO SITS NOW"),
    ("missing", "MISSING"),
]
_SEATS = [("of", "SEAT"), ("weight", "WEIGHT"), ("veto", "VETO"), ("who", "WHO SITS NOW")]
_EVERYBODY = 100_000


@app.command(name="list")
def list_(*, json: bool = False) -> None:
    """List the committees of the policy in force, with those who sit on them now.

    Of one action the owner and the requester of the agent are left out, so fewer may be asked.
    """
    committees, candidates = _found(Client())
    items = [_item(name, terms, candidates) for name, terms in sorted(committees.items())]
    rows = [{**item, "who": ", ".join(item["members"]) or "nobody"} for item in items]
    show(items, json=json, text=table(rows, _COLUMNS, "The policy has no committees."))


@app.command(name="show")
def show_(name: str, *, json: bool = False) -> None:
    """Show the seats of one committee and who fills them."""
    committees, candidates = _found(Client())
    if name not in committees:
        raise Failure(
            f"no committee is called {name!r}; there are: {', '.join(sorted(committees)) or 'none'}", 2
        )
    terms = committees[name]
    seats = [
        {
            "of": f"person {seat.person}" if seat.person else f"role {seat.role}",
            "weight": seat.weight,
            "veto": seat.veto,
            "who": ", ".join(_handles(_alone(seat), candidates)) or "nobody",
        }
        for seat in terms.seats
    ]
    item = {**_item(name, terms, candidates), "seats": seats}
    head = f"{name}: {item['rule']}, {item['needed']} needed, {item['missing']} missing"
    show(item, json=json, text=f"{head}\n\n{table(seats, _SEATS, 'No seats.')}")


def _found(client: Client) -> tuple[dict[str, CommitteeTerms], tuple[Candidate, ...]]:
    """The committees of the policy in force, and everybody who is not disabled."""
    document = client.get("/api/v1/policy")["document"]
    committees = {
        name: CommitteeTerms(
            seats=tuple(Seat(**seat) for seat in terms["seats"]), rule=terms["rule"], needed=terms["needed"]
        )
        for name, terms in document["committees"].items()
    }
    people = client.pages("/api/v1/people", _EVERYBODY)
    candidates = (
        Candidate(one["person_id"], one["handle"], tuple(one["roles"])) for one in people if one["enabled"]
    )
    return committees, tuple(candidates)


def _alone(seat: Seat) -> CommitteeTerms:
    return CommitteeTerms(seats=(seat,), rule="count", needed=1)


def _handles(terms: CommitteeTerms, candidates: tuple[Candidate, ...]) -> list[str]:
    sitting = {member.person for member in seated(terms, candidates).members}
    return sorted(one.handle for one in candidates if one.person in sitting)


def _item(name: str, terms: CommitteeTerms, candidates: tuple[Candidate, ...]) -> dict[str, Any]:
    panel = seated(terms, candidates)
    members = _handles(terms, candidates)
    return {
        "name": name,
        "rule": terms.rule,
        "needed": panel.needed,
        "members": members,
        "missing": panel.missing,
    }
