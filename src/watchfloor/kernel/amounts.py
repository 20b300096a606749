"""What things cost: four measures, and the difference between nothing and nothing said (spec 2.4 *Economics*, fault F12).

`money` is in micro units (10⁻⁶) of the organisation's currency, `tokens` and `actions` are counts, `time` is
milliseconds. A command that does not say an amount has `UNSAID`, never 0: what is missing counts as too much.
"""

from __future__ import annotations

from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import BELIEVED_LEAST, BELIEVED_UNSAID, INTEGER_MAX, OVERRUN_TIMES

MEASURES = ("money", "tokens", "actions", "time")
PERIODS = ("day", "month", "total")
UNITS = {"money": "micro units of money", "tokens": "tokens", "actions": "actions", "time": "ms"}
UNSAID = -1


def said(amount: int | None) -> int:
    """What somebody said, or UNSAID."""
    return UNSAID if amount is None else amount


def believed(measure: str, amount: int, expected: int) -> tuple[int, int]:
    """(what counts, what was claimed if that is more, else 0) of an amount that an agent reports (decision 31).

    `expected` is what was estimated, and so reserved; UNSAID where nobody estimated, and no budget let it begin.
    """
    if expected == UNSAID:
        most = BELIEVED_UNSAID[measure]
    else:
        most = max(BELIEVED_LEAST[measure], OVERRUN_TIMES * expected)
    return (amount, 0) if amount <= most else (most, amount)


def capped(amount: int) -> int:
    """A sum as events can hold it. Absurd reports saturate; a saturated budget is used up, never free again."""
    return min(INTEGER_MAX, amount)


def roi_permille(value: int, cost: int) -> int | None:
    """(value - cost) / cost in thousandths, rounded down. None when nothing was spent: there is no ratio then."""
    return None if cost <= 0 else (value - cost) * 1000 // cost


def turned_away(limit: int, spent: int, reserved: int, asked: int) -> bool:
    """Does a budget turn this away? `asked` -1: nobody said how much, so it is too much (fault F12).

    What asks for nothing (or is covered by its task's reservation) passes as long as anything is left unspent.
    """
    return asked < 0 or spent >= limit or (asked > 0 and spent + reserved + asked > limit)


# Periods --------------------------------------------------------------------------------------------------------------


def began(period: str, at: int) -> int:
    """The instant at which the period around `at` began, UTC; 0 for `total`."""
    if period == "day":
        return at - at % DAY
    if period == "month":
        year, month = _month_of(at // DAY)
        return _days_before(year, month) * DAY
    return 0


def ends(period: str, since: int) -> int:
    """The instant at which the period that began at `since` ends; 0 for `total`, which never does."""
    if period == "day":
        return since + DAY
    if period == "month":
        year, month = _month_of(since // DAY)
        return _days_before(year + month // 12, month % 12 + 1) * DAY
    return 0


def _month_of(day: int) -> tuple[int, int]:
    """Year and month of a day number (days since 1970-01-01), proleptic Gregorian; integers only."""
    shifted = day + 719_468  # days since 0000-03-01, so that the leap day is the last of its year
    era, of_era = divmod(shifted, 146_097)
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153 + 3
    return era * 400 + year + (month > 12), month - 12 if month > 12 else month


def _days_before(year: int, month: int) -> int:
    """The day number of the first of a month."""
    year -= month <= 2
    era, of_era = divmod(year, 400)
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
