"""Stretches of time by name, as they lie on a listener's own clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Literal

Range = Literal[
    "this_week",
    "last_week",
    "this_month",
    "last_month",
    "this_quarter",
    "last_quarter",
    "this_half_year",
    "last_half_year",
    "this_year",
    "last_year",
    "all_time",
]
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """Days of a clock, both included, and the moments at which the first begins and the last ends."""

    first: date
    last: date
    since: datetime
    until: datetime

    @classmethod
    def of(cls, first: date, last: date, zone: tzinfo) -> "Period":
        """The period of these days on the clocks of `zone`."""
        return cls(first, last, midnight(first, zone), midnight(last + ONE_DAY, zone))


def period(named: Range, at: datetime, zone: tzinfo) -> Period:
    """What `named` means at this moment: `this_…` ends with the day of the moment, `last_…` before the present one began.

    >>> lately = period("last_quarter", datetime(2026, 3, 1, 12, tzinfo=UTC), UTC)
    >>> str(lately.first), str(lately.last)
    ('2025-10-01', '2025-12-31')
    """
    today = at.astimezone(zone).date()
    if named == "all_time":
        return Period(BEGINNING.date(), today, BEGINNING, midnight(today + ONE_DAY, zone))
    which, _, unit = named.partition("_")
    begins = beginning(unit, today)
    if which == "this":
        return Period.of(begins, today, zone)
    before = begins - ONE_DAY
    return Period.of(beginning(unit, before), before, zone)


def beginning(unit: str, day: date) -> date:
    """The first day of the week (a Monday), month, quarter, half year or year in which `day` lies.

    >>> str(beginning("week", date(2026, 3, 1))), str(beginning("half_year", date(2026, 8, 9)))
    ('2026-02-23', '2026-07-01')
    """
    if unit == "week":
        return day - timedelta(days=day.weekday())
    months = {"month": 1, "quarter": 3, "half_year": 6, "year": 12}[unit]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


def midnight(day: date, zone: tzinfo) -> datetime:
    """The moment at which a day begins there; where clocks skip midnight, the moment at which they do."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
