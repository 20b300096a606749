"""Whom the policy has told besides, and by which shared channels (spec 3.2 *Routing*, 06 *Notifications*).

A shared channel belongs to the organisation: one Slack channel, one PagerDuty service. One that no alert names is told
everything from its own severity on; one that is named is told what those alerts say and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from watchfloor.kernel.notice_terms import SEVERITIES, AlertTerms, NoticeTerms
from watchfloor.notify.notices import Notice


def matching(notice: Notice, terms: NoticeTerms) -> tuple[AlertTerms, ...]:
    """The alerts that are about this kind of news, from their severity on."""
    rank = SEVERITIES.index(notice.severity)
    return tuple(
        alert
        for alert in terms.alerts
        if (not alert.kinds or notice.kind in alert.kinds) and rank >= SEVERITIES.index(alert.severity_min)
    )


def routed(notice: Notice, terms: NoticeTerms) -> Notice:
    """The notice with those who are told by policy."""
    alerts = matching(notice, terms)
    if not alerts:
        return notice
    usual = () if any(alert.instead for alert in alerts) else notice.tell
    tell = tuple(dict.fromkeys((*usual, *(target for alert in alerts for target in alert.tell))))
    everywhere = notice.all_hands or any(alert.everywhere for alert in alerts)
    return msgspec.structs.replace(notice, tell=tell, all_hands=everywhere)


def chains(notice: Notice, terms: NoticeTerms, shared: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """Shared channels to tell it by: each chain in its order until one takes it. `shared` are those that there are."""
    there = tuple(shared)
    named = {name for alert in terms.alerts for name in alert.channels}
    found = [tuple(name for name in alert.channels if name in there) for alert in matching(notice, terms)]
    found += [(name,) for name in there if name not in named]
    return tuple(dict.fromkeys(chain for chain in found if chain))
