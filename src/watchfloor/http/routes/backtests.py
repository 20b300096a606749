"""Before a policy is changed: what recorded decisions would have come to, who changes tier, who would decide (spec 3.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from watchfloor.actions.retrial import Kind, Otherwise, Outcome
from watchfloor.councils.panels import Candidate, seated
from watchfloor.engine.backtesting import (
    DIFFERENCES_MAX,
    RULINGS_MAX,
    Plan,
    Progress,
    Report,
    Source,
    backtest,
)
from watchfloor.engine.packs import pack, packs
from watchfloor.http.asking import Call
from watchfloor.http.bodies import backtests as wire
from watchfloor.http.bodies import shadows as shown
from watchfloor.http.ports import Engine
from watchfloor.http.problems import FieldError, Problem, not_found
from watchfloor.http.replies import Reply
from watchfloor.http.routes import policy as policies
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.terms import TIERS, Policy, holds
from watchfloor.policy.digest import digest_of
from watchfloor.policy.messages import PolicyApplied
from watchfloor.policy.soundness import problems
from watchfloor.registers.directory import ActivePolicy, Person
from watchfloor.trust import scoring
from watchfloor.trust.rules import score_at, tier_at_birth

AGENTS_MAX = 10_000
_LAST = 10_000  # where neither a number nor a period was named
NOTES = (
    "Counts, budgets and breakers are those recorded: what would have followed from other answers is not played on.",
    "Trust is played again under the candidate's terms, where they differ, from the recorded trust events.",
)
# Backtests under way by organisation, of each server: one at a time, or people would starve agents.
_running: WeakKeyDictionary[Engine, dict[int, Progress]] = WeakKeyDictionary()


async def candidate(call: Call, document: Policy | None, version: int) -> Policy:
    """The policy to try: sound, or a Problem with every fault."""
    if (document is None) == (version == 0):
        raise Refused("one_candidate", "name a document or a version", field="/document", status=422)
    found = document if document is not None else await policies.of_version(call, version)
    faults = problems(found)
    if faults:
        errors = tuple(
            FieldError(field=f"/document{fault.path}", code="invalid", detail=fault.what) for fault in faults
        )
        raise Problem(422, "invalid_policy", "the candidate is no sound policy", errors=errors)
    return found


async def backtest_policy(call: Call) -> Reply:
    """Judge recorded decisions again under a candidate policy; nothing is recorded, nothing is changed."""
    body: wire.BacktestBody = call.body
    plan = await _plan(call, body)
    running = _running.setdefault(call.services.engine, {})
    if call.org in running:
        raise Refused("backtest_running", "one at a time; try again", retryable=True, status=409)
    progress = running[call.org] = Progress(after=plan.after, until=plan.until, seq=plan.after)
    try:
        report = await asyncio.to_thread(backtest, await source_of(call), plan, progress)
    finally:
        progress.stop = True  # also where the caller went away: nobody waits for the rest
        running.pop(call.org, None)
    return Reply(body=_shown(call, plan, report))


async def get_backtest(call: Call) -> Reply:
    """How far the backtest under way is."""
    return Reply(body=_progress(call))


async def cancel_backtest(call: Call) -> Reply:
    """End the backtest under way; whoever began it gets what was found so far. Nothing to do when there is none."""
    progress = _of(call)
    if progress is not None:
        progress.stop = True
    return Reply(body=_progress(call))


def _of(call: Call) -> Progress | None:
    return _running.setdefault(call.services.engine, {}).get(call.org)


def _progress(call: Call) -> shown.BacktestProgress:
    progress = _of(call)
    if progress is None:
        return shown.BacktestProgress(running=False)
    span = max(1, progress.until - progress.after)
    return shown.BacktestProgress(
        running=True,
        from_seq=progress.after + 1,
        seq=progress.seq,
        until_seq=progress.until,
        decisions=progress.rulings,
        permille=max(0, min(1_000, (progress.seq - progress.after) * 1_000 // span)),
        cancelled=progress.stop,
    )


async def _plan(call: Call, body: wire.BacktestBody) -> Plan:
    document = await candidate(call, body.document, body.version)
    head = call.services.engine.head(call.org)
    last = body.last or (0 if body.days else _LAST)
    after = 0
    if body.days:
        after = await seq_before(call, call.now - body.days * DAY)
    if last:
        rows = await call.rows(
            "SELECT action FROM actions WHERE org = :org ORDER BY action DESC LIMIT 1 OFFSET :skip",
            skip=last - 1,
        )
        after = max(after, rows[0]["action"] - 1 if rows else 0)
    return Plan(
        candidate=document,
        digest=digest_of(document),
        after=after,
        until=head,
        only=frozenset(call.resolve("agent", one)[0] for one in body.only),
        excluding=frozenset(call.resolve("agent", one)[0] for one in body.excluding),
        rulings_max=RULINGS_MAX,
    )


async def seq_before(call: Call, at: int) -> int:
    """The last seq of before an instant: instants never fall along the ledger."""
    low, high = 0, call.services.engine.head(call.org)
    while low < high:
        middle = (low + high + 1) // 2
        event = await call.event(middle)
        if event is not None and event.at < at:
            low = middle
        else:
            high = middle - 1
    return low


async def source_of(call: Call) -> Source:
    """Where rulings come from: this organisation's ledger."""
    versions = await _versions(call)
    return Source(call.services.reads, call.org, call.services.decode, versions.__getitem__)


async def _versions(call: Call) -> dict[int, tuple[Policy, str]]:
    """Every version there was, with its digest; 0 is what was before the first."""
    found = {0: (Policy(), digest_of(Policy()))}
    active: ActivePolicy | None = call.services.engine.cell(call.org, "active_policy", "active")
    if active is not None:
        rows = await asyncio.to_thread(call.services.reads.read_stream, call.org, active.subject)
        for _, data, _ in rows:
            facts = call.services.decode(data).facts
            if isinstance(facts, PolicyApplied):
                found[facts.version] = (facts.document, facts.digest)
    return found


def _shown(call: Call, plan: Plan, report: Report) -> wire.BacktestReport:
    counts = report.counts
    notes: tuple[str, ...] = NOTES
    if counts.from_record:
        notes = (*notes, f"{counts.from_record} had no parameters left: their recorded derivation was used.")
    if counts.stricter + counts.looser > DIFFERENCES_MAX:
        notes = (*notes, f"Only the first {DIFFERENCES_MAX} differences are listed.")
    return wire.BacktestReport(
        decisions=counts.rulings,
        same=counts.same,
        stricter=counts.stricter,
        looser=counts.looser,
        superseded=counts.superseded,
        derived_anew=counts.derived_anew,
        from_record=counts.from_record,
        rescored=counts.rescored,
        kinds=kinds_of(report.kinds),
        differences=tuple(difference_of(call, one) for one in report.differences),
        from_seq=plan.after + 1,
        until_seq=report.until,
        ended=report.ended,
        took_ms=report.took_ms,
        notes=notes,
    )


def kinds_of(found: Iterable[tuple[Kind, int]]) -> tuple[wire.BacktestKind, ...]:
    """Counts of differences, the most frequent first."""
    return tuple(
        wire.BacktestKind(recorded=recorded, candidate=other, stricter=stricter, count=count)
        for (recorded, other, stricter), count in sorted(found, key=lambda one: (-one[1], one[0]))
    )


def difference_of(call: Call, one: Otherwise) -> wire.BacktestDifference:
    """One ruling that would have gone otherwise."""
    return wire.BacktestDifference(
        seq=one.seq,
        at=one.at,
        action_id=call.id_of("action", one.action),
        agent_id=call.id_of("agent", one.agent),
        type=one.action_type,
        tool=one.tool,
        recorded=_outcome(one.recorded),
        candidate=_outcome(one.candidate),
        stricter=one.stricter,
        derivation=one.derivation,
        why=one.why,
    )


def _outcome(found: Outcome) -> wire.BacktestOutcome:
    return wire.BacktestOutcome(verdict=found.verdict, level=found.level, risk=found.risk)


# Preview --------------------------------------------------------------------------------------------------------------


async def preview_policy(call: Call) -> Reply:
    """Who would change tier, and who would decide each level, if the candidate were in force now."""
    body: wire.PreviewBody = call.body
    document = await candidate(call, body.document, body.version)
    active: ActivePolicy = call.services.engine.cell(call.org, "active_policy", "active")
    rows = await call.rows("SELECT agent, id, name FROM agents WHERE org = :org LIMIT :most", most=AGENTS_MAX)
    moves: list[wire.TierMove] = []
    changed = 0
    for row in rows:
        trust = call.state("trust", row["agent"])
        score = score_at(trust, active.document.trust, call.now, active.version)
        after = scoring.score(trust.counts if trust is not None else (), document.trust, call.now // DAY)
        tier = trust.tier if trust is not None else tier_at_birth(active.document.trust)
        tier_after = scoring.tier_of(after, tier if trust is not None else None, document.trust)
        changed += score != after
        if tier != tier_after and len(moves) < DIFFERENCES_MAX:
            moves.append(
                wire.TierMove(
                    agent_id=row["id"],
                    name=row["name"],
                    score=score,
                    score_after=after,
                    tier=TIERS[tier],
                    tier_after=TIERS[tier_after],
                )
            )
    people: tuple[Person, ...] = call.services.engine.cell(call.org, "people", "all") or ()
    answer = wire.Preview(
        agents=len(rows),
        scores_changed=changed,
        moves=tuple(moves),
        now=tuple(who_decides(active.document, people)),
        then=tuple(who_decides(document, people)),
        seq=call.view_seq,
    )
    return Reply(body=answer)


def who_decides(document: Policy, everyone: tuple[Person, ...]) -> Iterable[wire.WhoDecides]:
    """The levels with who could decide on them now; whoever owns the agent or asks is left out later."""
    routing = document.routing
    enabled = [one for one in everyone if one.enabled]
    handles = {one.id: one.handle for one in enabled}
    routes = [(2, routing.confirm, ""), (3, routing.approve, ""), (4, routing.committee, "")]
    routes += [(one.level_min, routing.committee, one.committee) for one in routing.assignments]
    for level, terms, assigned in routes:
        name = assigned or terms.committee
        if name:
            panel = seated(
                document.committees[name], (Candidate(one.id, one.handle, one.roles) for one in enabled)
            )
            people = tuple(handles[member.person] for member in panel.members)
            needed, missing = panel.needed, panel.missing
        else:
            people = tuple(one.handle for one in enabled if holds(one.roles, terms.role))
            needed, missing = terms.needed, max(0, terms.needed - len(people))
        yield wire.WhoDecides(
            level=level, role=terms.role, committee=name, needed=needed, people=people, missing=missing
        )


# Packs ----------------------------------------------------------------------------------------------------------------


async def list_packs(call: Call) -> Reply:
    """Policies for a domain that come with the product."""
    del call
    items = tuple(wire.PackItem(name=one.name, meaning=one.meaning) for one in packs())
    return Reply(body=wire.PackPage(items=items))


async def get_pack(call: Call) -> Reply:
    """One of them, as it ships and as the whole document."""
    found = pack(call.path["pack"])
    if found is None:
        raise not_found("pack")
    body = wire.PackDetail(name=found.name, meaning=found.meaning, text=found.text, document=found.document)
    return Reply(body=body)
