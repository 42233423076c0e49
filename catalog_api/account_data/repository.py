"""Reads all that belongs to one person, and takes it out of Postgres, table by table."""

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from catalog_api.account_data.tables import Deletion
from catalog_api.songs.keys import ALBUM, ARTIST, PLAYLIST, SONG
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId

AT_ONCE = 2_000  # rows that travel together

ABOUT = (
    "(kind = 'listener' AND target_id = :user_id) OR (kind = 'playlist' AND target_id = ANY(:playlists)) "
    "OR (kind = 'song' AND target_id = ANY(:songs)) OR (kind = 'artist' AND target_id = ANY(:artists))"
)

# In this order: what refers to others before the others, so that each table is counted and nothing goes uncounted by a
# cascade. Some tables are in it twice. What only names the person (who added a song to another's playlist, who invited
# somebody) is set to null by the foreign keys.
STEPS = (
    ("playlist_songs", "song_id = ANY(:songs) OR playlist_id = ANY(:playlists)"),
    ("song_opinions", "user_id = :user_id OR song_id = ANY(:songs)"),
    ("artist_opinions", "user_id = :user_id OR artist_id = ANY(:artists)"),
    ("artist_follows", "follower_id = :user_id OR artist_id = ANY(:artists)"),
    ("shares", "from_id = :user_id OR to_id = :user_id OR song_id = ANY(:songs)"),
    ("activities", f"user_id = :user_id OR {ABOUT}"),
    ("feeds", "user_id = :user_id"),
    ("lyrics", "song_id = ANY(:songs)"),
    ("songs", "id = ANY(:songs)"),
    ("albums", "id = ANY(:albums)"),
    ("artists", "id = ANY(:artists)"),
    (
        "external_ids",
        (
            "(kind = 'listener' AND id = :user_id) OR (kind = 'song' AND id = ANY(:songs)) "
            "OR (kind = 'album' AND id = ANY(:albums)) OR (kind = 'artist' AND id = ANY(:artists))"
        ),
    ),
    ("share_links", "playlist_id = ANY(:playlists)"),
    ("playlist_members", "user_id = :user_id OR playlist_id = ANY(:playlists)"),
    ("playlists", "id = ANY(:playlists)"),
    ("listener_follows", "follower_id = :user_id OR followed_id = :user_id"),
    ("blocks", "blocker_id = :user_id OR blocked_id = :user_id"),
    ("subscriptions", "user_id = :user_id"),
    ("history_imports", "user_id = :user_id"),
    ("refresh_tokens", "session_id IN (SELECT id FROM sessions WHERE user_id = :user_id)"),
    ("sessions", "user_id = :user_id"),
    ("preferences", "user_id = :user_id"),
    ("counted_plays", "play_id IN (SELECT play_id FROM listening_history WHERE user_id = :user_id)"),
    ("listening_history", "user_id = :user_id"),
    ("idempotency_keys", "scope LIKE :scope OR about = :user_id"),
    ("users", "id = :user_id"),
)

SHORTEN = text(
    "UPDATE playlists SET version = version + 1, updated_at = :now "
    "WHERE id IN (SELECT playlist_id FROM playlist_songs WHERE song_id = ANY(:songs)) RETURNING id"
)
OUTDATE = text(
    "UPDATE feeds SET version = version + 1 WHERE user_id IN "  # noqa: S608 - words of ours
    f"(SELECT user_id FROM activities WHERE user_id <> :user_id AND ({ABOUT})) RETURNING user_id"
)
# Whose answers name the person although they are somebody else's.
NAMING = text(
    "SELECT playlist_id FROM playlist_members WHERE user_id = :user_id "
    "UNION SELECT playlist_id FROM playlist_songs WHERE added_by = :user_id"
)
UNALBUM = text(
    "UPDATE songs SET album_id = NULL, updated_at = :now "
    "WHERE album_id = ANY(:albums) AND NOT id = ANY(:songs) RETURNING id"
)


@dataclass(frozen=True, slots=True)
class Owned:
    """What belongs to an account beside itself, and goes with it."""

    artists: Sequence[int]
    albums: Sequence[int]
    songs: Sequence[int]
    covers: Sequence[str]  # keys of blobs
    uploads: Sequence[str]  # imports whose files are kept
    playlists: Sequence[int]


async def hold_still(db: Reading) -> None:
    """Let this transaction see one moment, whatever others change meanwhile; call it before anything is read."""
    await db.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def name_of(db: Reading, user_id: UserId) -> str | None:
    """What the person is called; None where nobody has this id."""
    asked = text("SELECT display_name FROM users WHERE id = :user_id")
    name: str | None = (await db.execute(asked, {"user_id": user_id})).scalar()
    return name


async def rows(
    db: Reading, statement: str, user_id: UserId
) -> AsyncIterator[tuple[Sequence[str] | None, Sequence[Sequence[Any]]]]:
    """What a statement gives, some rows at a time; the names of the columns come with the first, which may be empty."""
    found = await db.stream(text(statement), {"user_id": user_id})
    try:
        columns: Sequence[str] | None = list(found.keys())
        async for some in found.partitions(AT_ONCE):
            yield columns, some
            columns = None
        if columns is not None:
            yield columns, []
    finally:
        await found.close()


async def documents(db: Reading, statement: str, user_id: UserId) -> AsyncIterator[Sequence[str]]:
    """Each row that a statement gives as a JSON object, some at a time."""
    wrapped = f"SELECT CAST(row_to_json(told) AS text) FROM (\n{statement}) AS told"  # noqa: S608 - a file of ours
    async for _, some in rows(db, wrapped, user_id):
        if some:
            yield [row[0] for row in some]


async def password_of(db: Writing, user_id: UserId) -> tuple[str | None] | None:
    """The digest of the password, itself None where there is none; None where nobody has this id.

    The account is locked: nothing that belongs to it comes into being until this transaction ends.
    """
    asked = text("SELECT password_hash FROM users WHERE id = :user_id FOR UPDATE")
    row = (await db.execute(asked, {"user_id": user_id})).one_or_none()
    return None if row is None else (row[0],)


async def owned_by(db: Writing, user_id: UserId) -> Owned:
    """What belongs to the account, locked as it is."""

    async def ids(statement: str, **told: object) -> list[Any]:
        return list((await db.execute(text(statement), {"user_id": user_id} | told)).scalars())

    artists = await ids("SELECT id FROM artists WHERE owner_id = :user_id ORDER BY id FOR UPDATE")
    albums = await ids(
        "SELECT id FROM albums WHERE artist_id = ANY(:artists) ORDER BY id FOR UPDATE", artists=artists
    )
    return Owned(
        artists=artists,
        albums=albums,
        songs=await ids(
            "SELECT id FROM songs WHERE artist_id = ANY(:artists) ORDER BY id FOR UPDATE", artists=artists
        ),
        covers=await ids(
            "SELECT cover_key FROM albums WHERE id = ANY(:albums) AND cover_key IS NOT NULL ORDER BY id",
            albums=albums,
        ),
        uploads=list(
            map(
                str,
                await ids("SELECT id FROM history_imports WHERE user_id = :user_id AND has_file ORDER BY id"),
            )
        ),
        playlists=await ids("SELECT id FROM playlists WHERE user_id = :user_id ORDER BY id FOR UPDATE"),
    )


async def others_who_did_something_to(db: Writing, user_id: UserId, owned: Owned) -> list[int]:
    """Who else has an activity about the person or what they own; copies of such activities are made invalid."""
    told = {"user_id": user_id, "artists": owned.artists, "songs": owned.songs, "playlists": owned.playlists}
    return list((await db.execute(OUTDATE, told)).scalars())


async def followers_of(db: Reading, user_id: UserId) -> list[int]:
    """Who follows this person."""
    asked = text("SELECT follower_id FROM listener_follows WHERE followed_id = :user_id ORDER BY follower_id")
    return list((await db.execute(asked, {"user_id": user_id})).scalars())


async def blockers_of(db: Reading, user_id: UserId) -> list[int]:
    """Who blocks this person."""
    asked = text("SELECT blocker_id FROM blocks WHERE blocked_id = :user_id ORDER BY blocker_id")
    return list((await db.execute(asked, {"user_id": user_id})).scalars())


async def remove(db: Writing, user_id: UserId, owned: Owned, now: datetime) -> tuple[Counter[str], list[str]]:
    """Take everything out; returns how many rows of each table went, and the keys of answers that are wrong now."""
    shortened = list((await db.execute(SHORTEN, {"now": now, "songs": owned.songs})).scalars())
    on = text("SELECT DISTINCT album_id FROM songs WHERE id = ANY(:songs) AND album_id IS NOT NULL")
    albums = {*owned.albums, *(await db.execute(on, {"songs": owned.songs})).scalars()}
    unalbumed = await db.execute(UNALBUM, {"now": now, "albums": owned.albums, "songs": owned.songs})
    naming = (await db.execute(NAMING, {"user_id": user_id})).scalars()
    keys = [
        *(SONG.key(song) for song in [*owned.songs, *unalbumed.scalars()]),
        *(ARTIST.key(artist) for artist in owned.artists),
        *(ALBUM.key(album) for album in albums),
        *(PLAYLIST.key(playlist) for playlist in {*owned.playlists, *shortened, *naming}),
    ]
    told = {
        "user_id": user_id,
        "scope": f"user:{user_id} %",
        "artists": owned.artists,
        "albums": owned.albums,
        "songs": owned.songs,
        "playlists": owned.playlists,
    }
    removed: Counter[str] = Counter()
    for table, which in STEPS:
        gone = await db.execute(text(f"DELETE FROM {table} WHERE {which}"), told)  # noqa: S608 - words of ours
        removed[table] += gone.rowcount  # type: ignore[attr-defined] # of a DELETE there is one
    return +removed, keys


async def note(
    db: Writing,
    deletion_id: UUID,
    user_id: UserId,
    removed: Counter[str],
    belongings: Mapping[str, Sequence[Any]],
    now: datetime,
) -> None:
    """Write down what is still to be removed from the other stores."""
    db.add(
        Deletion(
            id=deletion_id,
            user_id=user_id,
            requested_at=now,
            look_at=now,
            removed={"postgres": dict(removed)},
            belongings={kind: list(what) for kind, what in belongings.items()},
        )
    )
    await db.flush()


async def deletion(db: Reading, deletion_id: UUID) -> Deletion | None:
    """The deletion of this id."""
    return await db.get(Deletion, deletion_id)
