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
    Update,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by, array
from sqlalchemy.sql.dml import ReturningInsert

from catalog_api.listeners.tables import User
from catalog_api.playlists.parting import are_parted
from catalog_api.playlists.schemas import Role
from catalog_api.playlists.tables import Playlist, PlaylistMember, PlaylistSong
from catalog_api.songs.tables import ALBUMS, ARTISTS, Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, unwatched, whole_number
from foundation.ids import ArtistId, PlaylistId, UserId

_playlists, _placed, _joined = table_of(Playlist), table_of(PlaylistSong), table_of(PlaylistMember)
_users, _catalog = table_of(User), table_of(Song)
_CHANGED = tuple(_playlists.c[name] for name in ("name", "description", "is_public", "version", "updated_at"))


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


class Public(NamedTuple):
    """A playlist that everyone may see."""

    playlist_id: int
    name: str
    owner_id: int
    owner: str


class Carrying(NamedTuple):
    """A public playlist, and how many songs of an artist are on it."""

    playlist_id: int
    name: str
    owner_id: int
    owner: str
    songs: int


async def public_among(
    db: Reading, playlist_ids: Sequence[int], viewer: UserId | None = None
) -> Sequence[Public]:
    """Those of these that everyone may see, in no order, but for those of whom a block parts from the viewer."""
    asked = (
        select(Playlist.id, Playlist.name, Playlist.user_id, User.display_name)
        .join(User, User.id == Playlist.user_id)
        .where(Playlist.id.in_(playlist_ids), Playlist.is_public)
    )
    if viewer is not None:
        asked = asked.where(~are_parted(viewer, Playlist.user_id))
    return [Public(*row) for row in await db.execute(asked)]


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
        playlist=unwatched(Playlist, first),
        owner=first.display_name,
        song_count=first.song_count,
        duration_ms=first.duration_ms,
        members=list(first.member_ids),
        has_editors=first.has_editors,
        songs=[row for row in rows if row.song_id is not None],
    )


@cache
def _whole() -> Select[*tuple[Any, ...]]:
    counted, members, songs = _counted(), _members(), _songs()
    return (
        select(*_playlists.c, _users.c.display_name, *counted.c, *members.c, songs)
        .join(_users, _users.c.id == _playlists.c.user_id)
        .join(counted, true())
        .join(members, true())
        .outerjoin(songs, true())
        .where(_playlists.c.id == bindparam("playlist_id"))
        .order_by(songs.c.place)
    )


def _counted() -> FromClause:
    return (
        select(
            func.count().label("song_count"),
            func.coalesce(func.sum(_catalog.c.duration_ms), 0).label("duration_ms"),
        )
        .select_from(_placed)
        .join(_catalog, _catalog.c.id == _placed.c.song_id)
        .where(_placed.c.playlist_id == _playlists.c.id)
        .lateral("counted")
    )


def _members() -> FromClause:
    ids = aggregate_order_by(_joined.c.user_id, _joined.c.user_id)
    return (
        select(
            func.coalesce(func.array_agg(ids), array([], type_=BigInteger)).label("member_ids"),
            func.coalesce(func.bool_or(_joined.c.role == "editor"), literal(value=False)).label(
                "has_editors"
            ),
        )
        .where(_joined.c.playlist_id == _playlists.c.id, _joined.c.accepted_at.is_not(None))
        .lateral("members")
    )


def _songs() -> FromClause:
    return (
        select(
            _placed.c.place,
            _placed.c.song_id,
            _placed.c.added_by,
            _placed.c.added_at,
            _catalog.c.title,
            _catalog.c.artist_id,
            ARTISTS.c.name.label("artist"),
            _catalog.c.album_id,
            ALBUMS.c.title.label("album"),
            _catalog.c.duration_ms.label("song_ms"),
            _catalog.c.is_explicit,
        )
        .join(_catalog, _catalog.c.id == _placed.c.song_id)
        .join(ARTISTS, ARTISTS.c.id == _catalog.c.artist_id)
        .outerjoin(ALBUMS, ALBUMS.c.id == _catalog.c.album_id)
        .where(_placed.c.playlist_id == _playlists.c.id)
        .order_by(_placed.c.place)
        .limit(whole_number("limit"))
        .offset(whole_number("offset"))
        .lateral("listed")
    )


async def by_id(db: Reading, playlist_id: PlaylistId) -> Playlist | None:
    """The playlist of this id."""
    return await db.get(Playlist, playlist_id)


async def lock_for(db: Writing, playlist_id: PlaylistId, listener_id: UserId) -> Playlist | None:
    """The playlist as it is once nobody else changes it; nobody does until this transaction ends, and this listener stays.

    None where there is not one of them. The listener is locked first, as the deletion of an account does: a row is
    joined before the outermost lock takes it.
    """
    asked = {"playlist_id": playlist_id, "listener_id": listener_id}
    row = (await db.execute(_locked(), asked)).one_or_none()
    return None if row is None else unwatched(Playlist, row)


@cache
def _locked() -> Select[*tuple[Any, ...]]:
    kept = _listener_kept().cte("kept")
    asked = select(*_playlists.c).join(kept, true()).where(_playlists.c.id == bindparam("playlist_id"))
    return asked.with_for_update(key_share=True, of=_playlists)


async def lock_listener(db: Writing, listener_id: UserId) -> bool:
    """Whether there is this listener, who then stays until this transaction ends."""
    return await db.scalar(_listener_kept(), {"listener_id": listener_id}) is not None


@cache
def _listener_kept() -> Select[int]:
    asked = select(_users.c.id).where(_users.c.id == bindparam("listener_id"))
    return asked.with_for_update(read=True, key_share=True)


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
    told: dict[str, Any] = {
        "user_id": owner,
        "name": name,
        "description": description,
        "is_public": is_public,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    number = (await db.execute(_made(), told)).scalar_one()
    return Playlist(id=number, **told)


@cache
def _made() -> ReturningInsert[int]:
    return insert(_playlists).returning(_playlists.c.id)


async def write(db: Writing, playlist: Playlist) -> None:
    """Write what is said about a playlist that is locked."""
    told = {column.key: getattr(playlist, column.key) for column in _CHANGED}
    await db.execute(_written(), {"playlist_id": playlist.id, **{f"new_{name}": told[name] for name in told}})


@cache
def _written() -> Update:
    told: dict[Any, Any] = {column: bindparam(f"new_{column.key}") for column in _CHANGED}
    return update(_playlists).where(_playlists.c.id == bindparam("playlist_id")).values(told)


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


async def remove(db: Writing, playlist_id: PlaylistId) -> None:
    """Remove the playlist with all that belongs to it."""
    await db.execute(delete(_playlists).where(_playlists.c.id == playlist_id))


async def of_listener(db: Reading, listener_id: UserId, limit: int, offset: int) -> tuple[list[Summary], int]:
    """The playlists that are this person's or that they are a member of, the newest first; and how many there are."""
    return await _summaries(db, _theirs(), listener_id, limit, offset)


async def public_of(db: Reading, listener_id: UserId, limit: int, offset: int) -> tuple[list[Summary], int]:
    """The public playlists of this person, the newest first; and how many there are."""
    return await _summaries(db, _shown(), listener_id, limit, offset)


@cache
def _theirs() -> FromClause:
    listener = whole_number("listener_id")
    return union_all(
        select(_playlists.c.id, literal("owner").label("role")).where(_playlists.c.user_id == listener),
        select(_joined.c.playlist_id, _joined.c.role).where(
            _joined.c.user_id == listener, _joined.c.accepted_at.is_not(None)
        ),
    ).subquery("theirs")


@cache
def _shown() -> FromClause:
    nobody: ColumnElement[str | None] = literal(None)
    theirs = select(_playlists.c.id, nobody.label("role"))
    shown = theirs.where(_playlists.c.user_id == bindparam("listener_id"), _playlists.c.is_public)
    return shown.subquery("theirs")


async def _summaries(
    db: Reading, listed: FromClause, listener_id: UserId, limit: int, offset: int
) -> tuple[list[Summary], int]:
    total = await db.scalar(_counted_of(listed), {"listener_id": listener_id})
    asked = {"listener_id": listener_id, "limit": limit, "offset": offset}
    rows = await db.execute(_page_of(listed), asked)
    return [
        Summary(unwatched(Playlist, row), row.owner, row.song_count, row.role) for row in rows
    ], total or 0


@cache
def _counted_of(listed: FromClause) -> Select[int]:
    return select(func.count()).select_from(listed)


@cache
def _page_of(listed: FromClause) -> Select[*tuple[Any, ...]]:
    newest = select(listed.c.id, listed.c.role).order_by(listed.c.id.desc())
    page = newest.limit(whole_number("limit")).offset(whole_number("offset")).subquery("page")
    songs = (
        select(func.count())
        .where(_placed.c.playlist_id == _playlists.c.id)
        .correlate(_playlists)
        .scalar_subquery()
    )
    named = (_users.c.display_name.label("owner"), songs.label("song_count"), page.c.role)
    return (
        select(*_playlists.c, *named)
        .join(page, page.c.id == _playlists.c.id)
        .join(_users, _users.c.id == _playlists.c.user_id)
        .order_by(_playlists.c.id.desc())
    )


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
        select(_placed.c.playlist_id, func.count().label("songs"))
        .join(_catalog, _catalog.c.id == _placed.c.song_id)
        .where(_catalog.c.artist_id == bindparam("artist_id"))
        .group_by(_placed.c.playlist_id)
        .subquery()
    )
    all_of_them = _playlists.c
    shown = case((all_of_them.is_public, all_of_them.name), else_="").label("name")
    public = func.count().filter(all_of_them.is_public).over().label("public")
    columns = (
        all_of_them.id,
        all_of_them.is_public,
        all_of_them.user_id,
        _users.c.display_name,
        theirs.c.songs,
    )
    return (
        select(*columns, shown, public, func.count().over().label("playlists"))
        .join(theirs, theirs.c.playlist_id == all_of_them.id)
        .join(_users, _users.c.id == all_of_them.user_id)
        .order_by(all_of_them.is_public.desc(), theirs.c.songs.desc(), all_of_them.id)
        .limit(whole_number("most"))
    )
