"""A listener's statistics counted the plain way, row by row, for what the warehouse answers to be compared with."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from math import log2
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from serving.statistics.periods import Range, period
from tests.serving.statistics.world import Listen, artist_of, genre_of

ONE_DAY = timedelta(days=1)


def valid(
    listens: Iterable[Listen], removed: Mapping[UUID, datetime], listener: int, as_of: datetime
) -> list[Listen]:
    """What was known of a listener at a moment, and had not been taken back by then."""
    return [
        each
        for each in listens
        if each.listener == listener
        and not each.is_private
        and each.at <= as_of
        and each.ingested_at <= as_of
        and not (each.play_id in removed and removed[each.play_id] <= as_of)
    ]


def recount(known: Sequence[Listen], named: Range, tz: str, as_of: datetime) -> dict[str, Any]:
    """The members of the answer, of listens that are valid; songs beyond 100 of them have no names here."""
    zone = ZoneInfo(tz)
    asked = period(named, as_of, zone)
    within = [each for each in known if asked.first <= each.at.astimezone(zone).date() <= asked.last]
    before = [each for each in known if each.at.astimezone(zone).date() < asked.first]
    by_artist = Counter(artist_of(each.song) for each in within)
    total = len(within)
    entropy = -sum(n / total * log2(n / total) for n in by_artist.values())
    local = [each.at.astimezone(zone) for each in within]
    first_at = min((each.at for each in known), default=None)
    return {
        "since": asked.since if named != "all_time" else first_at,
        "until": min(asked.until, as_of),
        "listens": total,
        "minutes": minutes(within),
        "songs": len({each.song for each in within}),
        "artists": len(by_artist),
        "top_songs": top(within, lambda each: each.song),
        "top_artists": top(within, lambda each: artist_of(each.song)),
        "top_genres": top([each for each in within if genre_of(each.song)], lambda each: genre_of(each.song)),
        "by_hour": tuple(Counter(each.hour for each in local)[hour] for hour in range(24)),
        "by_weekday": tuple(Counter(each.weekday() for each in local)[day] for day in range(7)),
        "longest_days": longest({each.date() for each in local}),
        "current_days": current(
            {each.at.astimezone(zone).date() for each in known}, as_of.astimezone(zone).date()
        ),
        "entropy": round(entropy, 6) + 0.0,
        "effective_artists": round(2**entropy, 6) if total else 0.0,
        "new_songs": len({each.song for each in within} - {each.song for each in before}),
        "new_artists": len(by_artist.keys() - {artist_of(each.song) for each in before}),
    }


def minutes(listens: Iterable[Listen]) -> float:
    return round(sum(each.ms for each in listens) / 60_000, 1)


def top(listens: Sequence[Listen], key: Any) -> list[tuple[Any, int, float]]:
    """The key, listens and minutes of each, the most first; of equals those with more time, then the smaller key."""
    counted = Counter(key(each) for each in listens)
    time = {one: sum(each.ms for each in listens if key(each) == one) for one in counted}
    order = sorted(counted, key=lambda one: (-counted[one], -time[one], one))
    return [(one, counted[one], round(time[one] / 60_000, 1)) for one in order]


def longest(days: set[Any]) -> int:
    return max((run(days, day) for day in days), default=0)


def current(days: set[Any], today: Any) -> int:
    return run(days, today) or run(days, today - ONE_DAY)


def run(days: set[Any], last: Any) -> int:
    length = 0
    while last in days:
        length, last = length + 1, last - ONE_DAY
    return length
