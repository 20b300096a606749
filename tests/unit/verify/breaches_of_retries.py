"""Ledgers in which the rule about retries is broken by hand, and one in which it is obeyed (DESIGN 2b.8)."""

from __future__ import annotations

from collections.abc import Callable

from tests.unit.verify.breaches_of_policies import applied
from tests.unit.verify.story_kit import MINUTE, Story

Tell = Callable[[Story], object]


def what_failed_is_granted_again(s: Story) -> None:
    """Twice more, by a machine and by people; and what is unknown where doing it twice does no harm."""
    agent = s.agent()
    action = s.ruling(agent, attempts=3, idempotent=True)
    s.started(action, agent)
    s.failed(action, agent)
    s.retried(action, agent)
    s.started(action, agent, grant=2, execution="e2")
    s.lost(action, agent, "e2")
    s.retried(action, agent, 3, "e2")
    s.started(action, agent, grant=3, execution="e3")
    s.completed(action, agent, "e3")


def failed_once(s: Story, *, attempts: int = 2, idempotent: bool = False) -> tuple[int, int]:
    agent = s.agent()
    action = s.ruling(agent, attempts=attempts, idempotent=idempotent)
    s.started(action, agent)
    s.failed(action, agent)
    return action, agent


def a_second_grant_beyond_the_attempts(s: Story) -> None:
    s.retried(*failed_once(s, attempts=1))


def a_third_grant_where_two_were_borne(s: Story) -> None:
    action, agent = failed_once(s)
    s.retried(action, agent)
    s.started(action, agent, grant=2, execution="e2")
    s.failed(action, agent, "e2")
    s.retried(action, agent, 3, "e2")


def a_retry_of_what_nobody_knows(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, attempts=2)
    s.started(action, agent)
    s.lost(action, agent)
    s.retried(action, agent)


def a_retry_of_what_runs(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, attempts=2)
    s.started(action, agent)
    s.retried(action, agent)


def a_retry_of_what_succeeded(s: Story) -> None:
    agent = s.agent()
    action = s.ruling(agent, attempts=2)
    s.started(action, agent)
    s.completed(action, agent)
    s.retried(action, agent)


def a_retry_that_outlives_the_first_grant(s: Story) -> None:
    action, agent = failed_once(s)
    s.retried(action, agent, expires_at=s.at + 16 * MINUTE)


def a_retry_on_another_basis(s: Story) -> None:
    action, agent = failed_once(s)
    s.retried(action, agent, basis="approved")


def a_ruling_with_more_attempts_than_its_policy_bears(s: Story) -> None:
    applied(s, 1, "first")
    s.ruling(s.agent(), attempts=2)


BREACHES: list[tuple[str, Tell]] = [
    ("retry_within_attempts", tell)
    for tell in (
        a_second_grant_beyond_the_attempts,
        a_third_grant_where_two_were_borne,
        a_retry_of_what_nobody_knows,
        a_retry_of_what_runs,
        a_retry_of_what_succeeded,
        a_retry_that_outlives_the_first_grant,
        a_retry_on_another_basis,
        a_ruling_with_more_attempts_than_its_policy_bears,
    )
]
ALLOWED: list[Tell] = [what_failed_is_granted_again]
