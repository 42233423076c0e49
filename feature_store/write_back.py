"""Writes the online features back from the warehouse: when Redis was lost, moved or emptied, or where the two disagree.

The event path goes on meanwhile, and neither waits for the other: what is written only ever moves values to what is newer
(`keeping`, `wishes`, `rights`), so that older news of either changes nothing. What was taken back is written first, and keeps
out what was read before. An account that is deleted between reading and writing is the one thing that no version tells: so
the warehouse is asked again after writing, and whoever it no longer knows is forgotten again.

Nothing is taken out that the warehouse does not know to be gone: the event path may have told Redis first. Mixes are
not written; they are made anew when they are asked for.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from feature_store import keeping, rights, wishes
from feature_store.definitions import (
    CHANGED_SONGS,
    FEATURES,
    HEARD_SONGS,
    KNOWN_LISTENER,
    MIXES,
    RECENT_SONGS,
    TAKEN_BACK,
    Feature,
)
from feature_store.forget import forget
from feature_store.keeping import HELD, Country, Listen, Listening, parts
from feature_store.offline import RECENT_SONGS_SQL, Queries, WordRow
from feature_store.online import EPOCH, MILLISECOND
from feature_store.rights import SongRights
from feature_store.wishes import Word
from foundation.contracts.events import (
    BlockChanged,
    FeedbackGiven,
    FollowChanged,
    OpinionChanged,
    PreferencesChanged,
)
from foundation.engines import clickhouse
from foundation.engines import redis as redis_engine
from foundation.engines.redis import Redis

AT_ONCE = 1000  # listeners: their numbers travel in the request's address, which servers cut at some length
AHEAD = timedelta(minutes=1)  # how far the warehouse's clock may be before ours
MICROSECOND = timedelta(microseconds=1)
HERE = Path(__file__).parent
HEARD_SQL, TAKEN_BACK_SQL, WORDS_SQL, EVERYONE_SQL, STILL_SQL, SONGS_SQL = (
    (HERE / f"{name}.sql").read_text()
    for name in (
        "heard_songs",
        "taken_back",
        "newest_words",
        "known_listeners",
        "still_known",
        "changed_songs",
    )
)
_WRITTEN = tuple(feature for feature in FEATURES if feature is not MIXES)


@dataclass(slots=True)
class _Known:
    """What the warehouse knows of some listeners."""

    listening: dict[int, Listening] = field(default_factory=dict)
    taken_back: defaultdict[int, list[Listen]] = field(default_factory=lambda: defaultdict(list))
    countries: dict[int, Country] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)

    @property
    def listeners(self) -> set[int]:
        speakers = {word.listener_id for word in self.words}
        return {*self.listening, *self.taken_back, *self.countries, *speakers}

    @property
    def spoken_of(self) -> set[tuple[int, int]]:
        """Listeners, each with another whom they follow, block, or did."""
        follows = (word for word in self.words if isinstance(word, FollowChanged) and word.kind == "listener")
        blocks = (word for word in self.words if isinstance(word, BlockChanged))
        return {(word.listener_id, word.target_id) for word in follows} | {
            (word.listener_id, word.blocked_id) for word in blocks
        }


def everyone(client: Queries) -> list[int]:
    """The ids of all listeners of whom the warehouse knows anything. Raises Unreachable."""
    with clickhouse.reachable():
        return list(pl.DataFrame(client.query_arrow(EVERYONE_SQL))["listener_id"].to_list())


def write_back(
    client: Queries, redis: Redis, listeners: Sequence[int], now: datetime
) -> Iterator[Counter[str]]:
    """Write back what is known of these listeners now, a thousand at a time; each time, of how many listeners what was done.

    `written`: Redis had nothing; `changed`: it had something else; `left`: it had all of it; `deleted`: they deleted their
    account meanwhile; `silent`: the warehouse knows nothing of them that is kept until now. Raises Unreachable.
    """
    for some in parts(listeners, AT_ONCE):
        known = _known(client, list(map(int, some)), now)
        had = _had(redis, some)
        changed = keeping.take_back(redis, known.taken_back)
        changed += keeping.keep_listening(redis, known.listening)[0]
        changed += keeping.know(redis, known.countries.items())
        changed += wishes.keep(redis, known.words)
        deleted = _forget_deleted(client, redis, known)
        done = Counter(deleted=len(deleted), silent=len(set(some) - known.listeners))
        for each in known.listeners - deleted:
            done["left" if not changed[each] else "changed" if each in had else "written"] += 1
        yield done


def write_back_songs(client: Queries, redis: Redis, now: datetime) -> int:
    """Write back what the catalog told of songs lately; of how many Redis did not know. Raises Unreachable."""
    since = (now - CHANGED_SONGS.kept - EPOCH) // MICROSECOND
    rows = _asked(client, SONGS_SQL, since=since, limit=CHANGED_SONGS.limit)
    told = [
        SongRights(song_id, version, is_removed, is_explicit, None if is_everywhere else tuple(regions))
        for song_id, version, is_removed, is_explicit, is_everywhere, regions in rows.iter_rows()
    ]
    return rights.write(redis, told) if told else 0


def _known(client: Queries, people: list[int], now: datetime) -> _Known:
    now_ms = (now - EPOCH) // MILLISECOND
    known = _Known(_listening(client, people, now_ms))
    for listener, *listen in _asked(
        client, TAKEN_BACK_SQL, listeners=people, limit=TAKEN_BACK.limit // 2
    ).iter_rows():
        known.taken_back[listener].append(Listen._make(listen))
    for listener, *word, told_ms in _asked(client, WORDS_SQL, listeners=people).iter_rows():
        row = WordRow._make(word)
        if row.what != "listener":
            known.words.append(_word(listener, row))
        elif (seconds := _left(KNOWN_LISTENER, told_ms, now_ms)) > 0:
            known.countries[listener] = Country(row.value, row.version, seconds)
    return known


def _listening(client: Queries, people: list[int], now_ms: int) -> dict[int, Listening]:
    """What is known of the listening of those whose songs have not run out."""
    recent = _asked(
        client,
        RECENT_SONGS_SQL,
        listeners=people,
        moments=[now_ms + AHEAD // MILLISECOND] * len(people),
        kept_seconds=int(RECENT_SONGS.kept.total_seconds()),
        limit=HELD,
    ).select("number", "song_ids", "listened_ms", "told_ms")
    latest: dict[int, tuple[list[Listen], int]] = {}
    for number, song_ids, times, told_ms in recent.iter_rows():
        listens = [Listen(song, at, "") for song, at in zip(song_ids, times, strict=True)]
        latest[people[number - 1]] = listens, _left(RECENT_SONGS, told_ms, now_ms)
    listening = {}
    for listener, song_ids, told_ms in _asked(client, HEARD_SQL, listeners=people).iter_rows():
        if (heard_for := _left(HEARD_SONGS, told_ms, now_ms)) > 0:
            listens, recent_for = latest.get(listener, ([], 0))
            listening[listener] = Listening(
                song_ids, listens if recent_for > 0 else [], heard_for, recent_for
            )
    return listening


def _left(feature: Feature, told_ms: int, now_ms: int) -> int:
    """For how many seconds a value is still kept that was last told then."""
    kept = int(feature.kept.total_seconds())
    return min(kept, kept - (now_ms - told_ms) // 1000)


def _word(listener: int, row: WordRow) -> Word:
    """As it was told."""
    who: dict[str, Any] = {"listener_id": listener, "version": row.version}
    about: dict[str, Any] = who | {"kind": row.kind, "target_id": row.target_id}
    match row.what:
        case "opinion":
            return OpinionChanged(opinion=row.value, **about)  # type: ignore[arg-type]
        case "follow":
            return FollowChanged(is_following=row.value == "yes", **about)
        case "block":
            return BlockChanged(blocked_id=row.target_id, is_blocked=row.value == "yes", **who)
        case "preferences":
            told = {"allows_explicit": row.allows_explicit, "language": row.language}
            return PreferencesChanged(genres=tuple(row.genres), **told, **who)  # type: ignore[arg-type]
        case _:
            until = None if row.until is None else row.until.astimezone(UTC)
            return FeedbackGiven(genre=row.genre, wish=row.value, until=until, **about)  # type: ignore[arg-type]


def _had(redis: Redis, listeners: Sequence[int]) -> set[int]:
    """Of whom Redis has anything."""
    with redis_engine.reachable():
        pipeline = redis.pipeline(transaction=False)
        for listener in listeners:
            pipeline.exists(*(feature.key(listener) for feature in _WRITTEN))
        answers = pipeline.execute()
    return {listener for listener, answer in zip(listeners, answers, strict=True) if answer}


def _forget_deleted(client: Queries, redis: Redis, known: _Known) -> set[int]:
    """Of those who were known before writing, those of whom nothing is known now; they are forgotten again.

    So are others of whom they spoke: these are deleted where nobody knows them and the word of them is gone, too. Where their
    rows are being removed at this very moment, the next look of `catalog_api/account_data/forgetting.py` finds the word.
    """
    still = _still(client, known.listeners)
    deleted = {each for each in known.listeners if (each, 0) not in still}
    speakers: defaultdict[int, list[int]] = defaultdict(list)
    for speaker, other in known.spoken_of - still:
        if speaker not in deleted:
            speakers[other].append(speaker)
    there = _still(client, speakers)
    for each in deleted:
        forget(redis, each, ())
    for other, them in speakers.items():
        if (other, 0) not in there:
            forget(redis, other, them)
    return deleted


def _still(client: Queries, listeners: Iterable[int]) -> set[tuple[int, int]]:
    found: set[tuple[int, int]] = set()
    for some in parts(listeners, AT_ONCE):
        found |= set(_asked(client, STILL_SQL, listeners=some).iter_rows())
    return found


def _asked(client: Queries, sql: str, **parameters: object) -> pl.DataFrame:
    with clickhouse.reachable():
        return pl.DataFrame(client.query_arrow(sql, parameters=parameters))
