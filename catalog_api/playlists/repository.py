"""Reads playlists with what is on them, and locks them for those who change them."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Row,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, array

from catalog_api.albums.tables import Album
from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.playlists.schemas import Role
from catalog_api.playlists.tables import Playlist, PlaylistMember, PlaylistSong
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.ids import ArtistId, PlaylistId, UserId


class Whole(NamedTuple):
    """A playlist, some of its songs in order, and what is counted over all of them: of one moment."""

    playlist: Playlist
    owner: str
    song_count: int
    duration_ms: int
    members: list[int]  # who accepted
    has_editors: bool
    songs: Sequence[Row[Any]]  # position, song_id, title, artist_id, artist, album_id, album, …


class Summary(NamedTuple):
    """A playlist of a list."""

    playlist: Playlist
    owner: str
    song_count: int
    role: Role | None


class Carrying(NamedTuple):
    """A public playlist, and how many songs of an artist are on it."""

    playlist_id: int
    name: str
    owner_id: int
    owner: str
    songs: int


async def whole(db: Reading, playlist_id: PlaylistId, limit: int, offset: int = 0) -> Whole | None:
    """The playlist with `limit` of its songs from `offset` on; None where there is none of this id.

    One statement: two would see two moments, and could tell songs of one version under the number of another.
    """
    asked = {"playlist_id": playlist_id, "limit": limit, "offset": offset}
    rows = (await db.execute(_whole(), asked)).all()
    if not rows:
        return None
    first = rows[0]
    return Whole(
        playlist=first.Playlist,
        owner=first.display_name,
        song_count=first.song_count,
        duration_ms=first.duration_ms,
        members=list(first.member_ids),
        has_editors=first.has_editors,
        songs=[row for row in rows if row.song_id is not None],
    )


@cache
def _whole() -> Select[*tuple[Any, ...]]:
    """Its statement, made once: that costs more than running it."""
    counted, members, songs = _counted(), _members(), _songs()
    return (
        select(Playlist, User.display_name, *counted.c, *members.c, songs)
        .join(User, User.id == Playlist.user_id)
        .join(counted, true())
        .join(members, true())
        .outerjoin(songs, true())
        .where(Playlist.id == bindparam("playlist_id"))
        .order_by(songs.c.place)
        .execution_options(populate_existing=True)
    )


def _counted() -> FromClause:
    return (
        select(
            func.count().label("song_count"),
            func.coalesce(func.sum(Song.duration_ms), 0).label("duration_ms"),
        )
        .select_from(PlaylistSong)
        .join(Song, Song.id == PlaylistSong.song_id)
        .where(PlaylistSong.playlist_id == Playlist.id)
        .lateral("counted")
    )


def _members() -> FromClause:
    ids = aggregate_order_by(PlaylistMember.user_id, PlaylistMember.user_id)
    return (
        select(
            func.coalesce(func.array_agg(ids), array([], type_=BigInteger)).label("member_ids"),
            func.coalesce(func.bool_or(PlaylistMember.role == "editor"), literal(value=False)).label(
                "has_editors"
            ),
        )
        .where(PlaylistMember.playlist_id == Playlist.id, PlaylistMember.accepted_at.is_not(None))
        .lateral("members")
    )


def _songs() -> FromClause:
    return (
        select(
            PlaylistSong.place,
            PlaylistSong.song_id,
            PlaylistSong.added_by,
            PlaylistSong.added_at,
            Song.title,
            Song.artist_id,
            Artist.name.label("artist"),
            Song.album_id,
            Album.title.label("album"),
            Song.duration_ms.label("song_ms"),
            Song.is_explicit,
        )
        .join(Song, Song.id == PlaylistSong.song_id)
        .join(Artist, Artist.id == Song.artist_id)
        .outerjoin(Album, Album.id == Song.album_id)
        .where(PlaylistSong.playlist_id == Playlist.id)
        .order_by(PlaylistSong.place)
        .limit(bindparam("limit", type_=BigInteger))
        .offset(bindparam("offset", type_=BigInteger))
        .lateral("listed")
    )


async def by_id(db: Reading, playlist_id: PlaylistId) -> Playlist | None:
    """The playlist of this id."""
    return await db.get(Playlist, playlist_id)


async def lock(db: Writing, playlist_id: PlaylistId) -> Playlist | None:
    """The playlist as it is once nobody else changes it; nobody does until this transaction ends."""
    locked = select(Playlist).where(Playlist.id == playlist_id).with_for_update(key_share=True)
    return await db.scalar(locked.execution_options(populate_existing=True))


async def lock_listener(db: Writing, listener_id: UserId) -> bool:
    """Whether there is this listener, who then stays until this transaction ends."""
    kept = select(User.id).where(User.id == listener_id).with_for_update(read=True, key_share=True)
    return await db.scalar(kept) is not None


async def member_role(db: Reading, playlist_id: PlaylistId, listener_id: UserId) -> Role | None:
    """The role of someone who has accepted an invitation."""
    accepted = select(PlaylistMember.role).where(
        PlaylistMember.playlist_id == playlist_id,
        PlaylistMember.user_id == listener_id,
        PlaylistMember.accepted_at.is_not(None),
    )
    return cast("Role | None", await db.scalar(accepted))


async def make(
    db: Writing, owner: UserId, name: str, description: str, *, is_public: bool, now: datetime
) -> Playlist:
    """A new playlist without songs, with its id."""
    made = Playlist(
        user_id=owner,
        name=name,
        description=description,
        is_public=is_public,
        version=1,
        created_at=now,
        updated_at=now,
    )
    db.add(made)
    await db.flush()
    return made


async def copy_songs(db: Writing, source: PlaylistId, target: PlaylistId, by: UserId, now: datetime) -> None:
    """Put all songs of one playlist on an empty one, in the same order."""
    songs = select(
        literal(target, PlaylistSong.playlist_id.type),
        PlaylistSong.song_id,
        PlaylistSong.place,
        literal(by, PlaylistSong.playlist_id.type),
        literal(now, PlaylistSong.added_at.type),
    ).join(Song, Song.id == PlaylistSong.song_id)
    # Locked, so that a song which leaves the catalog meanwhile is left out, and fails nothing.
    kept = songs.where(PlaylistSong.playlist_id == source).with_for_update(read=True, key_share=True, of=Song)
    columns = ("playlist_id", "song_id", "place", "added_by", "added_at")
    await db.execute(insert(PlaylistSong).from_select(columns, kept))


async def delete(db: Writing, playlist: Playlist) -> None:
    """Remove the playlist with all that belongs to it."""
    await db.delete(playlist)
    await db.flush()


async def of_listener(db: Reading, listener_id: UserId, limit: int, offset: int) -> tuple[list[Summary], int]:
    """The playlists that are this person's or that they are a member of, the newest first; and how many there are."""
    theirs = union_all(
        select(Playlist.id, literal("owner").label("role")).where(Playlist.user_id == listener_id),
        select(PlaylistMember.playlist_id, PlaylistMember.role).where(
            PlaylistMember.user_id == listener_id, PlaylistMember.accepted_at.is_not(None)
        ),
    ).subquery("theirs")
    listed = select(theirs.c.id, theirs.c.role).order_by(theirs.c.id.desc()).limit(limit).offset(offset)
    total = await db.scalar(select(func.count()).select_from(theirs))
    return await _summaries(db, listed), total or 0


async def public_of(db: Reading, listener_id: UserId, limit: int, offset: int) -> tuple[list[Summary], int]:
    """The public playlists of this person, the newest first; and how many there are."""
    shown = (Playlist.user_id == listener_id) & Playlist.is_public
    nobody: ColumnElement[str | None] = literal(None)
    listed = select(Playlist.id, nobody.label("role")).where(shown)
    total = await db.scalar(select(func.count()).select_from(Playlist).where(shown))
    return await _summaries(db, listed.order_by(Playlist.id.desc()).limit(limit).offset(offset)), total or 0


async def _summaries(db: Reading, listed: Select[int, Any]) -> list[Summary]:
    page = listed.subquery("page")
    songs = (
        select(func.count())
        .where(PlaylistSong.playlist_id == Playlist.id)
        .correlate(Playlist)
        .scalar_subquery()
    )
    asked = (
        select(Playlist, User.display_name, songs, page.c.role)
        .join(page, page.c.id == Playlist.id)
        .join(User, User.id == Playlist.user_id)
        .order_by(Playlist.id.desc())
    )
    return [Summary(*row) for row in await db.execute(asked)]


async def with_artist(db: Reading, artist_id: ArtistId, limit: int) -> tuple[int, int, list[Carrying]]:
    """How many public and other playlists carry songs of an artist, and of the public ones those with most of them."""
    row = (await db.execute(_carrying(), {"artist_id": artist_id, "most": limit})).all()
    if not row:
        return 0, 0, []
    return (
        row[0].public,
        row[0].playlists - row[0].public,
        [
            Carrying(each.id, each.name, each.user_id, each.display_name, each.songs)
            for each in row
            if each.is_public
        ],
    )


@cache
def _carrying() -> Select[*tuple[Any, ...]]:
    """One row per playlist, public ones first; each tells all that there are. No word of another leaves the database."""
    theirs = (
        select(PlaylistSong.playlist_id, func.count().label("songs"))
        .join(Song, Song.id == PlaylistSong.song_id)
        .where(Song.artist_id == bindparam("artist_id", type_=BigInteger))
        .group_by(PlaylistSong.playlist_id)
        .subquery()
    )
    shown = case((Playlist.is_public, Playlist.name), else_="").label("name")
    public = func.count().filter(Playlist.is_public).over().label("public")
    columns = (Playlist.id, Playlist.is_public, Playlist.user_id, User.display_name, theirs.c.songs)
    return (
        select(*columns, shown, public, func.count().over().label("playlists"))
        .join(theirs, theirs.c.playlist_id == Playlist.id)
        .join(User, User.id == Playlist.user_id)
        .order_by(Playlist.is_public.desc(), theirs.c.songs.desc(), Playlist.id)
        .limit(bindparam("most", type_=BigInteger))
    )
