"""The same features as of past moments, from the warehouse: what serving would have known then, for training."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import polars as pl

from feature_store.definitions import BLOCKED_LISTENERS, KNOWN_LISTENER, RECENT_SONGS, Feature
from feature_store.online import EPOCH, MILLISECOND, Lately
from feature_store.wishes import FOLLOWS, NO_WISHES, OPINIONS, Feedback, Preferences, Wishes
from foundation.engines.clickhouse import reachable
from foundation.ids import SongId, UserId

RECENT_SONGS_SQL, WORDS_SQL = (
    (Path(__file__).parent / name).read_text() for name in ("recent_songs.sql", "listener_words.sql")
)
AT_ONCE = 1000  # their numbers travel in the request's address, which servers cut at some length
MICROSECOND = timedelta(microseconds=1)

# Which value of which word puts its target among those of a feature.
_SETS: dict[tuple[str, str, str], Feature] = {
    **{("opinion", kind, opinion): feature for (kind, opinion), feature in OPINIONS.items()},
    **{("follow", kind, "yes"): feature for kind, feature in FOLLOWS.items()},
    ("block", "listener", "yes"): BLOCKED_LISTENERS,
}


class Queries(Protocol):
    """What reading features needs of a ClickHouse client."""

    def query_arrow(self, query: str, parameters: dict[str, Any] | None = None) -> Any:
        """The result as an Arrow table."""


class Asked(NamedTuple):
    """Of whom something is asked, and as of when."""

    listener: UserId
    at: datetime


class WordRow(NamedTuple):
    """What `listener_words.sql` and `newest_words.sql` tell of a word, beside whose it is and when it was told."""

    what: str
    kind: str
    target_id: int
    genre: str
    value: str
    until: datetime | None
    allows_explicit: bool
    language: str
    genres: list[str]
    version: int


@dataclass(frozen=True, slots=True)
class _Recent:
    song_ids: list[int]
    listened_ms: list[int]


def lately_then(client: Queries, asked: Sequence[Asked]) -> list[Lately]:
    """What the online store would have told of each listener at each moment, in the order in which they are asked for.

    A thing was known as soon as the warehouse knew it: of the shipper's sinks the online store's is about as fast, and
    what a listener tells a request that keeps it at once is known here a moment later, never too early. Three things cannot
    be asked for the past, and are not told: all songs ever `heard`, since of imported counts the warehouse keeps the newest alone;
    the mixes of the day, which nobody learns from; and what was known of a song, which the catalog tells anew as a whole.

    Online and here differ where a listener takes back more than `SPARE` of the newest songs: online they have fewer until
    they listen again. Raises Unreachable.
    """
    told: list[Lately] = [Lately(is_known=False)] * len(asked)
    # Together those of one listener: what a listener told is read once.
    order = sorted(range(len(asked)), key=lambda each: asked[each])
    for start in range(0, len(order), AT_ONCE):
        places = order[start : start + AT_ONCE]
        for place, lately in zip(places, _lately_then(client, [asked[each] for each in places]), strict=True):
            told[place] = lately
    return told


def _lately_then(client: Queries, asked: Sequence[Asked]) -> Iterator[Lately]:
    parameters: dict[str, Any] = {
        "listeners": [int(each.listener) for each in asked],
        "moments": [(each.at - EPOCH) // MILLISECOND for each in asked],
        "kept_seconds": int(RECENT_SONGS.kept.total_seconds()),
        "known_seconds": int(KNOWN_LISTENER.kept.total_seconds()),
        "limit": RECENT_SONGS.limit,
    }
    with reachable():
        songs = pl.DataFrame(client.query_arrow(RECENT_SONGS_SQL, parameters=parameters))
        told = pl.DataFrame(client.query_arrow(WORDS_SQL, parameters=parameters))
    recent = {
        number: _Recent(song_ids, listened_ms)
        for number, song_ids, listened_ms in songs.select("number", "song_ids", "listened_ms").iter_rows()
    }
    words: defaultdict[int, list[WordRow]] = defaultdict(list)
    for number, *word in told.iter_rows():
        words[number].append(WordRow(*word))
    for number in range(1, len(asked) + 1):
        yield _lately(recent.get(number), words.get(number, []))


def _lately(recent: _Recent | None, words: Sequence[WordRow]) -> Lately:
    countries = [word.value for word in words if word.what == "listener"]
    return Lately(
        is_known=recent is not None or bool(countries),
        song_ids=() if recent is None else tuple(map(SongId, recent.song_ids)),
        listened_ms=() if recent is None else tuple(recent.listened_ms),
        country=countries[0] if countries else "",
        wishes=_wishes(words) if len(words) > len(countries) else NO_WISHES,
    )


def _wishes(words: Sequence[WordRow]) -> Wishes:
    targets: defaultdict[str, list[int]] = defaultdict(list)
    preferences, feedback = Preferences(), []
    for word in words:
        if word.what == "preferences":
            preferences = Preferences(word.allows_explicit, word.language, tuple(word.genres))
        elif word.what == "feedback":
            given_at = EPOCH + word.version * MICROSECOND
            until = None if word.until is None else word.until.astimezone(UTC)
            feedback.append(Feedback(word.kind, word.target_id, word.genre, word.value, until, given_at))
        elif word.what != "listener":
            targets[_SETS[word.what, word.kind, word.value].name].append(word.target_id)
    return Wishes(
        **{name: np.array(ids, np.int64) for name, ids in targets.items()},
        preferences=preferences,
        feedback=tuple(sorted(feedback, key=lambda each: each.given_at)),
    )
