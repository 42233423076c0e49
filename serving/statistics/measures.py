"""The numbers of statistics that are more than a count: diversity and streaks."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from math import exp, log


def diversity(counts: Iterable[int]) -> tuple[float, float]:
    """How evenly listens are spread: Shannon's entropy in bits, and the effective number of artists.

        H = -sum(p_i * log2(p_i)),  p_i = counts_i / sum(counts)        effective = 2 ** H

    The effective number is that of equally loved artists which would be as diverse (Hill, "Diversity and Evenness", Ecology
    1973). Without a listen both are 0.

    >>> diversity([5, 5, 5, 5]), diversity([7]), diversity([])
    ((2.0, 4.0), (0.0, 1.0), (0.0, 0.0))
    """
    positive = [count for count in counts if count > 0]
    total = sum(positive)
    if not total:
        return 0.0, 0.0
    nats = -sum(count / total * log(count / total) for count in positive)
    return round(nats / log(2), 6) + 0.0, round(exp(nats), 6)


def streaks(days: Sequence[date], today: date) -> tuple[int, int]:
    """The most days in a row with a listen, and how many end with today or, as today is not over, with yesterday.

    `days` ascend, each once.

    >>> march = [date(2026, 3, day) for day in (1, 2, 3, 8, 9)]
    >>> streaks(march, today=date(2026, 3, 10)), streaks(march, today=date(2026, 3, 11))
    ((3, 2), (3, 0))
    """
    longest = run = 0
    before: date | None = None
    for day in days:
        run = run + 1 if before is not None and day - before == timedelta(days=1) else 1
        longest, before = max(longest, run), day
    is_current = before is not None and today - before <= timedelta(days=1)
    return longest, run if is_current else 0
