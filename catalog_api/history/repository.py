"""The listening history in Postgres: written by a sink in bulk, read by a listener a page at a time."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Row, Select, bindparam, delete, select, tuple_, update

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.history.tables import Listen
from catalog_api.songs.tables import Song
from event_log.plays import COUNTS, END, IMPORTED, are_ascending
from event_log.settling import order_of
from foundation.contracts.events import SOURCES
from foundation.contracts.tables import PlaybackEvents
from foundation.engines.copying import FOR_EVER, Ids, copied, moment, takes_ids
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, whole_number
from foundation.ids import UserId

_listens = table_of(Listen)

# How long a play may be told again: as late as one is accepted, and two weeks in which Postgres may have been away.
REMEMBERED = timedelta(days=45)

_KNOWN = "SELECT play_id, is_ended FROM counted_plays WHERE play_id = ANY(%b)"
_COUNTED = "COPY counted_plays (play_id, kept_until, is_ended) FROM STDIN (FORMAT binary)"
_ENDED = "UPDATE counted_plays SET is_ended = true WHERE play_id = ANY(%b::uuid[])"
# The play may be known to have begun at another moment than its heartbeat let suppose, but hardly on another day.
_LASTED = """
    UPDATE listening_history AS heard SET played_ms = told.played_ms
    FROM unnest(%b::bigint[], %b::uuid[], %b::timestamptz[], %b::integer[]) AS told (user_id, play_id, started_at, played_ms)
    WHERE heard.user_id = told.user_id AND heard.play_id = told.play_id
        AND heard.played_at BETWEEN told.started_at - interval '1 day' AND told.started_at + interval '1 day'
"""
# Who has no row is being forgotten: the deletion of an account looks again when all that was on its way has arrived.
_THERE = "SELECT id FROM users WHERE id = ANY(%b::bigint[])"
_HEARD = "COPY listening_history (user_id, song_id, play_id, played_at, played_ms, source) FROM STDIN (FORMAT binary)"
_RAISED = """
    UPDATE songs SET play_count = play_count + told.plays
    FROM (SELECT * FROM unnest(%b::bigint[], %b::bigint[]) AS told (song_id, plays) ORDER BY song_id) AS told
    WHERE songs.id = told.song_id
"""


class Heard(NamedTuple):
    """A listen with the names of what was heard; None where the catalog has the song no more."""

    song_id: int
    play_id: UUID
    played_at: datetime
    played_ms: int
    source: str
    title: str | None
    artist_id: int | None
    artist: str | None


class Kept(NamedTuple):
    """A listen as it is exported; None where the catalog has no such name or length."""

    play_id: UUID
    played_at: datetime
    played_ms: int
    title: str | None
    artist: str | None
    album: str | None
    song_ms: int | None


def prepare(db: psycopg.Connection) -> None:
    """Make a connection ready for the functions below."""
    takes_ids(db)


def take(db: psycopg.Connection, sink: str, segment_ids: Sequence[str]) -> bool:
    """Note that segments are taken; False where all of them were before. Where one was, its plays are known as counted."""
    noted = "INSERT INTO shipped (sink, segment_id) SELECT %s, unnest(%s::text[]) ON CONFLICT DO NOTHING"
    return db.execute(noted, (sink, list(segment_ids))).rowcount > 0


class Ended(NamedTuple):
    """The end of a play that a heartbeat has counted already."""

    user_id: int
    play_id: UUID
    started_at: datetime
    played_ms: int


def known(db: psycopg.Connection, plays: pa.Table) -> tuple[pa.ChunkedArray, list[Ended]]:
    """Which of some plays, each told once, were counted before; and those of which we hear the end only now."""
    names = PlaybackEvents
    ids = plays[names.play_id].combine_chunks()
    rows = db.execute(_KNOWN, (Ids(ids),)).fetchall()
    counted, ended = (
        pa.array([play_id.bytes for play_id, is_ended in rows if is_ended or not only], ids.type)
        for only in (False, True)
    )
    is_known = pc.is_in(plays[names.play_id], counted)
    ends = pc.and_not(pc.equal(plays[names.kind], END), pc.is_in(plays[names.play_id], ended))
    told = [names.listener_id, names.play_id, names.started_at, names.played_ms]
    heard_now = plays.filter(pc.and_(is_known, ends)).select(told)
    return is_known, [
        Ended(listener, UUID(bytes=play_id), started_at, played_ms or 0)
        for listener, play_id, started_at, played_ms in zip(*heard_now.to_pydict().values(), strict=True)
    ]


def lengthen(db: psycopg.Connection, ended: Sequence[Ended]) -> None:
    """Say of listens that are there how long they really were."""
    if ended:
        users, plays, moments, lengths = (list(column) for column in zip(*ended, strict=True))
        db.execute(_ENDED, (plays,))
        db.execute(_LASTED, (users, plays, moments, lengths))


def add(db: psycopg.Connection, plays: pa.Table, is_visible: pa.ChunkedArray, now: datetime) -> None:
    """Count plays, each told once and none counted before: in the history, where it is visible, and in the counts of songs.

    The months of the history must be there. The key of counted_plays stands against any other who counts meanwhile.
    """
    names = PlaybackEvents
    is_imported = pc.equal(plays[names.source], IMPORTED)
    counted = {
        "play_id": ("uuid", plays[names.play_id]),
        "kept_until": ("bigint", pc.if_else(is_imported, FOR_EVER, moment(now + REMEMBERED))),
        "is_ended": ("boolean", pc.equal(plays[names.kind], END)),
    }
    ids = plays[names.play_id].combine_chunks()
    if not are_ascending(ids):
        order = order_of(ids)
        counted = {name: (kind, told.take(order)) for name, (kind, told) in counted.items()}
    _copy(db, _COUNTED, counted)
    columns = [
        names.listener_id,
        names.song_id,
        names.play_id,
        names.started_at,
        names.played_ms,
        names.source,
    ]
    _add_heard(db, plays.select(columns).filter(is_visible))
    raised = plays[names.song_id].filter(plays[COUNTS]).value_counts()
    db.execute(_RAISED, (raised.field("values").to_pylist(), raised.field("counts").to_pylist()))


def _add_heard(db: psycopg.Connection, visible: pa.Table) -> None:
    """Put plays into the history of listeners who are there, in the order of the larger of its indexes."""
    names = PlaybackEvents
    told = visible[names.listener_id].unique().to_pylist()
    there = [listener for (listener,) in db.execute(_THERE, (told,))]
    heard = visible
    if len(there) < len(told):
        heard = visible.filter(pc.is_in(visible[names.listener_id], pa.array(there, pa.uint64())))
    if len(there) > 1:
        heard = heard.sort_by(names.listener_id)
    for code in pc.unique(heard[names.source]).to_pylist():
        some = heard.filter(pc.equal(heard[names.source], code))
        source = pa.scalar(SOURCES[code].encode(), pa.binary(len(SOURCES[code])))
        columns = {
            "user_id": ("bigint", some[names.listener_id]),
            "song_id": ("bigint", some[names.song_id]),
            "play_id": ("uuid", some[names.play_id]),
            "played_at": ("timestamptz", some[names.started_at]),
            "played_ms": ("integer", some[names.played_ms].fill_null(0)),
            "source": ("text", pa.chunked_array([pa.repeat(source, some.num_rows)])),
        }
        _copy(db, _HEARD, columns)


def _copy(db: psycopg.Connection, statement: str, columns: Mapping[str, tuple[str, pa.ChunkedArray]]) -> None:
    with db.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        copy.write(copied({name: (kind, told.combine_chunks()) for name, (kind, told) in columns.items()}))


def forget_plays(db: psycopg.Connection, now: datetime) -> int:
    """Forget which plays were counted where none of them can be told again; returns how many."""
    return db.execute("DELETE FROM counted_plays WHERE kept_until < %s", (now,)).rowcount


def taken(db: psycopg.Connection, before: datetime) -> list[str]:
    """Segments noted as taken before a moment."""
    rows = db.execute("SELECT DISTINCT segment_id FROM shipped WHERE shipped_at < %s", (before,))
    return [segment_id for (segment_id,) in rows]


def forget_segments(db: psycopg.Connection, segment_ids: Sequence[str]) -> int:
    """Forget that these were taken; returns how many notes went."""
    return db.execute("DELETE FROM shipped WHERE segment_id = ANY(%s)", (list(segment_ids),)).rowcount


class Gone(NamedTuple):
    """What a listen was that is in the history no more."""

    song_id: int
    played_at: datetime


async def remove(db: Writing, listener: UserId, play_id: UUID) -> Gone | None:
    """Take a listen out of a listener's history; None where it is not in it."""
    theirs = delete(Listen).where(Listen.user_id == listener, Listen.play_id == play_id)
    found = (await db.execute(theirs.returning(Listen.song_id, Listen.played_at))).first()
    return None if found is None else Gone(*found)


async def lower_play_count(db: Writing, song_id: int) -> None:
    """Take one play from a song that is there."""
    await db.execute(update(Song).where(Song.id == song_id).values(play_count=Song.play_count - 1))


async def newest_of(
    db: Reading,
    listener: UserId,
    limit: int,
    *,
    since: datetime | None,
    until: datetime | None,
    after: tuple[datetime, UUID] | None,
) -> Sequence[Row[tuple[int, UUID, datetime, int, str, str | None, int | None, str | None]]]:
    """The newest listens of a listener from `since` on and before `until`, behind `after`: newest first, then by id."""
    bounds = {"since": since, "until": until} | _position(after)
    given = {name: value for name, value in bounds.items() if value is not None}
    asked = _newest(frozenset(given))
    return (await db.execute(asked, {"listener": listener, "limit": limit} | given)).all()


def _position(after: tuple[datetime, UUID] | None) -> dict[str, Any]:
    return {} if after is None else {"after_at": after[0], "after_id": after[1]}


@cache
def _newest(given: frozenset[str]) -> Select[*tuple[Any, ...]]:
    heard = _listens.c
    newest = select(heard.song_id, heard.play_id, heard.played_at, heard.played_ms, heard.source).where(
        heard.user_id == bindparam("listener")
    )
    if "since" in given:
        newest = newest.where(heard.played_at >= bindparam("since"))
    if "until" in given:
        newest = newest.where(heard.played_at < bindparam("until"))
    if "after_at" in given:
        # The first condition says nothing new; by it whole months are left out.
        at = bindparam("after_at", type_=heard.played_at.type)
        behind = tuple_(at, bindparam("after_id", type_=heard.play_id.type))
        newest = newest.where(heard.played_at <= at, tuple_(heard.played_at, heard.play_id) < behind)
    ordered = newest.order_by(heard.played_at.desc(), heard.play_id.desc())
    part = ordered.limit(whole_number("limit")).subquery("part")
    songs, artists = table_of(Song), table_of(Artist)
    return (
        select(part, songs.c.title, artists.c.id.label("artist_id"), artists.c.name.label("artist"))
        .outerjoin(songs, songs.c.id == part.c.song_id)
        .outerjoin(artists, artists.c.id == songs.c.artist_id)
        .order_by(part.c.played_at.desc(), part.c.play_id.desc())
    )


async def oldest_of(
    db: Reading, listener: UserId, limit: int, *, until: datetime, after: tuple[datetime, UUID] | None
) -> Sequence[Kept]:
    """The oldest listens of a listener before `until`, behind `after`: oldest first, then by id."""
    oldest = select(Listen.song_id, Listen.play_id, Listen.played_at, Listen.played_ms).where(
        Listen.user_id == listener, Listen.played_at < until
    )
    if after is not None:
        oldest = oldest.where(
            Listen.played_at >= after[0], tuple_(Listen.played_at, Listen.play_id) > tuple_(*after)
        )
    part = oldest.order_by(Listen.played_at, Listen.play_id).limit(limit).subquery()
    named = (
        select(
            part.c.play_id,
            part.c.played_at,
            part.c.played_ms,
            Song.title,
            Artist.name.label("artist"),
            Album.title.label("album"),
            Song.duration_ms.label("song_ms"),
        )
        .outerjoin(Song, Song.id == part.c.song_id)
        .outerjoin(Artist, Artist.id == Song.artist_id)
        .outerjoin(Album, Album.id == Song.album_id)
        .order_by(part.c.played_at, part.c.play_id)
    )
    return [Kept(*row) for row in await db.execute(named)]
