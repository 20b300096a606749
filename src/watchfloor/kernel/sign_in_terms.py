"""Who may sign in by what, and who needs a second factor: a section of the policy (spec 6 *Security*)."""

from __future__ import annotations

import msgspec

_EVERYBODY = ("auditor", "operator", "supervisor", "director", "admin")


class SignInTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By each means sign in those whose every role is listed. `totp`: who has one of these roles needs a second factor.

    A second factor is asked for with passwords and links; an identity provider asks for its own.
    """

    password: tuple[str, ...] = _EVERYBODY
    link: tuple[str, ...] = _EVERYBODY
    oidc: tuple[str, ...] = _EVERYBODY
    totp: tuple[str, ...] = ()
    password_chars_min: int = 12


def permits(roles: tuple[str, ...], allowed: tuple[str, ...]) -> bool:
    """May somebody with these roles sign in by a means that is for the `allowed`? The strictest role counts."""
    return set(roles) <= set(allowed)
