"""Secrets in what executions report are found by their shape, and nothing that only looks a little like one (spec 3.4)."""

from __future__ import annotations

import pytest
from tests.unit.actions.lives import facts, running, state
from tests.unit.actions.requests import AGENT

from watchfloor.actions.disclosures import SecretDisclosed, secrets_in
from watchfloor.actions.messages import ActionCompleted, ActionFailed, CompleteAction, FailAction
from watchfloor.engine.credentials import mint
from watchfloor.kernel.codec import canonical

# Put together here, so that no scanner takes this file for a leak.
PEM = "-----BEGIN " + "OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END"
AWS = "AKIA" + "ABCDEFGHIJKLMNOP"
GITHUB = "ghp_" + "a1B2" * 9
SECRETS = {
    "private_key": PEM,
    "aws_access_key": AWS,
    "google_api_key": "AIza" + "Sy0-_" * 7,
    "github_token": GITHUB,
    "gitlab_token": "glpat-" + "x" * 20,
    "slack_token": "xoxb-" + "123456789012-" + "a" * 24,
    "stripe_key": "sk_live_" + "4" * 24,
    "watchfloor_key": mint("agent")[1],
}


@pytest.mark.parametrize("kind", SECRETS)
def test_a_secret_is_found_wherever_it_stands(kind: str) -> None:
    for outcome in (SECRETS[kind], {"log": ["fine", f"token={SECRETS[kind]} ok"]}):
        assert secrets_in(canonical({"outcome": outcome})) == (kind,)


@pytest.mark.parametrize(
    "text",
    [
        "", "AKIA", "the private key is kept", "-----BEGIN CERTIFICATE-----", "-----BEGIN PUBLIC KEY-----", "sk_test_" + "4" * 24,
        "wf_tap is a link", "MAKIA" + "ABCDEFGHIJKLMNOP", "0f" * 32, "ghp_short", "glpat",
    ],
)  # fmt: skip
def test_what_is_no_secret_is_none(text: str) -> None:
    assert secrets_in(canonical({"outcome": text})) == ()


def test_several_are_named_once_each() -> None:
    assert secrets_in(canonical([AWS, PEM, AWS, GITHUB])) == ("aws_access_key", "github_token", "private_key")


def test_a_report_with_a_secret_stands_and_is_a_security_violation_of_its_own_event() -> None:
    private = canonical({"outcome": PEM})
    done = running()
    complete = CompleteAction(subject=1, agent=AGENT, execution="exe_a", private=private)
    completed, disclosed = facts(done, complete)
    assert isinstance(completed, ActionCompleted)
    assert disclosed == SecretDisclosed(agent=AGENT, execution="exe_a", secrets=("private_key",))
    assert state(done).status == "completed"
    assert facts(done, complete) == [], "told once"
    broken = running()
    fail = FailAction(subject=1, agent=AGENT, execution="exe_a", code="x", private=private)
    failed, told = facts(broken, fail)
    assert isinstance(failed, ActionFailed)
    assert isinstance(told, SecretDisclosed)
    assert b"BEGIN" not in canonical(list(told.secrets))
