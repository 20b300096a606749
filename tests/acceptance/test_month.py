"""Thirty recorded days of a fleet: how much of low risk runs by itself, and how often people decide against advice.

Spec 3.5 *Targets*: at least 80 % of low-risk actions automatic (denominator: base and parameter factors below 25, before
history), an override rate below 5 %. The figures are counted by the SQL of the analytics from the views of a ledger
that the real rules wrote. `python -m tests.acceptance.test_month` prints the table of docs/analytics.md.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.acceptance.month.floor import AGENTS, BEGINS, DAYS, POLICY, READS, Month, Views
from tests.simulation.scene import CATALOGUE, ORG

from watchfloor.engine.backtesting import Plan, Progress, Report, Source, backtest
from watchfloor.http import figures
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import Policy, TrustKind
from watchfloor.policy.digest import digest_of

TARGET_PERMILLE = 800
OVERRIDES_PERMILLE = 50


def permille(part: int, whole: int) -> int:
    return 1000 * part // whole if whole else 0


class Figures:
    """What the analytics say of a month."""

    def __init__(self, month: Month, views: Views) -> None:
        self.month = month
        self.whole = self._ask(views, figures.AUTOMATION, "organisation")[0]
        self.days = {row["key"] - BEGINS // DAY: row for row in self._ask(views, figures.AUTOMATION, "day")}
        self.overrides = self._ask(views, figures.OVERRIDES, "organisation")[0]
        self.decisions = self._ask(views, figures.DECISIONS, "organisation")[0]
        self.reviewers = self._ask(views, figures.REVIEWERS, "person")

    @staticmethod
    def _ask(views: Views, report: figures.Report, by: str) -> list[dict[str, Any]]:
        return asyncio.run(views.sums(report, by))

    def automatic(self, *days: int) -> int:
        """Permille of low-risk actions of these days (none: of all)."""
        rows = [self.days[day] for day in days] if days else [self.whole]
        return permille(sum(row["low_risk_automatic"] for row in rows), sum(row["low_risk"] for row in rows))

    def table(self) -> str:
        """The figures as Markdown."""
        path = [f"{self.automatic(day) / 10:g}" for day in range(7)]
        weeks = [f"{self.automatic(*range(week * 7, min(DAYS, week * 7 + 7))) / 10:g}" for week in range(5)]
        advised, overridden = self.overrides["gate_advised"], self.overrides["gate_overridden"]
        silent = self.decisions["expired"] + self.decisions["unanswered"]
        return "\n".join(
            (
                "| what | figure |",
                "|---|---|",
                f"| agents, days, actions, events | {AGENTS}, {DAYS}, {self.whole['actions']}, {self.month.events} |",
                f"| low-risk actions automatic | {self.automatic() / 10:g} % of {self.whole['low_risk']} |",
                f"| … on each day of the first week | {', '.join(path)} % |",
                f"| … in each week | {', '.join(weeks)} % |",
                f"| wrong, of all automatic | {permille(self.whole['wrong'], self.whole['automatic']) / 10:g} % |",
                f"| against the gate's advice | {permille(overridden, advised) / 10:g} % of {advised} |",
                f"| decisions; nobody came in time | {self.decisions['decisions']}; {silent} |",
                f"| time to decide, mean and p95 | {self.decisions['mean_ms'] // 1000} s, {self.decisions['p95_ms'] // 1000} s |",
            )
        )


def lived(folder: Path, seed: int = 1) -> Figures:
    month = Month(seed).run()
    return Figures(month, month.views(folder))


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    return lived(tmp_path_factory.mktemp("month"))


def test_most_of_low_risk_runs_by_itself(month: Figures) -> None:
    assert month.whole["low_risk"] > AGENTS * DAYS * READS * 9 // 10
    assert month.automatic() >= TARGET_PERMILLE, month.table()


def test_the_first_day_is_supervised_and_the_first_week_already_productive(month: Figures) -> None:
    assert month.automatic(0) < 600, "nobody is trusted from the first action on"
    assert month.automatic(0) < month.automatic(1) <= 1000
    assert month.automatic(*range(1, 7)) >= TARGET_PERMILLE, month.table()


def test_people_rarely_decide_against_advice(month: Figures) -> None:
    assert month.overrides["gate_advised"] > 500
    rate = permille(month.overrides["gate_overridden"], month.overrides["gate_advised"])
    assert rate < OVERRIDES_PERMILLE, month.table()


def test_what_people_had_to_decide_was_looked_at(month: Figures) -> None:
    assert {row["measured"] for row in month.reviewers} == {row["votes"] for row in month.reviewers}
    assert sum(row["quick"] for row in month.reviewers) == 0


def retried(month: Figures, candidate: Policy) -> Report:
    """The recorded month judged again."""
    versions = {0: (Policy(), digest_of(Policy())), 1: (POLICY, digest_of(POLICY))}
    plan = Plan(candidate=candidate, after=0, until=month.month.events)
    source = Source(month.month.store, ORG, CATALOGUE.decode, versions.__getitem__)
    return backtest(source, plan, Progress())


def test_trust_played_again_is_the_trust_that_was_recorded(month: Figures) -> None:
    """Terms that differ in nothing that matters: every ruling meets the tier and score it met (spec 3.4 *Backtest*)."""
    kinds = {**POLICY.trust.kinds, "never": TrustKind(points=7, decay_days=3)}
    same = msgspec.structs.replace(POLICY, trust=msgspec.structs.replace(POLICY.trust, kinds=kinds))
    report = retried(month, same)
    assert (report.counts.rulings, report.counts.rescored) == (month.whole["actions"], 0)
    assert report.counts.same == report.counts.rulings


def test_lower_points_would_have_asked_people_more_often(month: Figures) -> None:
    kinds = {
        name: msgspec.structs.replace(kind, points=min(kind.points, 1))
        for name, kind in POLICY.trust.kinds.items()
    }
    auto = msgspec.structs.replace(POLICY.auto, bootstrap_actions=0)
    harder = msgspec.structs.replace(
        POLICY, auto=auto, trust=msgspec.structs.replace(POLICY.trust, kinds=kinds)
    )
    report = retried(month, harder)
    assert report.counts.looser == 0, "less trust never asks fewer people (law Monotone oversight)"
    assert report.counts.stricter > report.counts.rulings // 2
    assert report.counts.rescored > report.counts.rulings // 2


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(lived(Path(place)).table())
