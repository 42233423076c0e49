"""What can be subscribed to."""

from calendar import monthrange
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Plan:
    """A tier, what it costs, and for how long one payment lasts."""

    name: str
    title: str
    subscription_type: str
    cents: int
    months: int
    currency: str = "EUR"


FREE = Plan("free", "Free", "free", 0, 0)
PLANS = {
    plan.name: plan
    for plan in (
        Plan("premium-monthly", "Premium, by the month", "premium", 999, 1),
        Plan("premium-yearly", "Premium, by the year", "premium", 9_990, 12),
    )
}


def later(moment: datetime, months: int, day: int) -> datetime:
    """So many months later, on this day of the month or on its last where it is shorter.

    >>> from datetime import UTC
    >>> begun = datetime(2026, 1, 31, tzinfo=UTC)
    >>> february = later(begun, 1, begun.day)
    >>> february.date().isoformat(), later(february, 1, begun.day).date().isoformat()
    ('2026-02-28', '2026-03-31')
    """
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    return moment.replace(year=year, month=month, day=min(day, monthrange(year, month)[1]))
