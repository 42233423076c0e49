"""Keeps each person's newest activities in Postgres, and reads those of many people at once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    column,
    delete,
    exists,
    literal,
    null,
    select,
    table,
    true,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.dml import ReturningInsert

from catalog_api.artists.tables import Artist
from catalog_api.listeners.tables import User
from catalog_api.social.activities.done import KEPT, Done, Kind, Verb
from catalog_api.social.people.repository import seen_by
from catalog_api.social.tables import Activity, Feed, ListenerFollow
from catalog_api.songs.tables import Song
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, whole_number
from foundation.ids import UserId

_NOBODY = (cast(null(), BigInteger), cast(null(), Text))  # for what is not an artist's
# Domains that build on this one, or stand beside it: their tables are joined, their code is not known here.
_preferences = table("preferences", column("user_id"), column("is_private_session"))
_activities, _feeds = table_of(Activity), table_of(Feed)
_playlists = table("playlists", column("id"), column("name"), column("is_public"))

_OF_FEED = ("user_id", "version", "newest_id")
_TOLD = (
    Activity.id,
    Activity.user_id,
    Activity.verb,
    Activity.kind,
    Activity.target_id,
    Activity.happened_at,
)


class Named(NamedTuple):
    """What something that an activity tells of is called; whose it is, where it is a song."""

    name: str
    artist_id: int | None
    artist: str | None


async def begin(db: Writing, user_id: UserId) -> int | None:
    """Count one more state of this person's activities, as `changed` does; None where what they do is private now."""
    return (await db.execute(_begun(), {"who": user_id})).scalar()


@cache
def _begun() -> ReturningInsert[int]:
    """Its statement, made once: to make one costs as much as to run it, and whoever follows or loves waits for both."""
    who = whole_number("who")
    private = exists().where(_preferences.c.user_id == who, _preferences.c.is_private_session)
    return _one_more(
        insert(_feeds).from_select(_OF_FEED, select(who, literal(1), literal(0)).where(~private))
    )


async def changed(db: Writing, user_id: int) -> int:
    """Count one more state of this person's activities, which nobody else changes until this transaction ends."""
    first = insert(_feeds).values(dict(zip(_OF_FEED, (user_id, 1, 0), strict=True)))
    return int((await db.execute(_one_more(first))).scalar_one())


def _one_more(first: Insert) -> ReturningInsert[int]:
    return first.on_conflict_do_update(
        index_elements=[_feeds.c.user_id], set_={_feeds.c.version: _feeds.c.version + 1}
    ).returning(_feeds.c.version)


async def add(
    db: Writing, user_id: UserId, verb: Verb, kind: Kind, target_id: int, at: datetime
) -> tuple[Done, bool]:
    """Write an activity in place of such a one, and whether there was one; within a change of this person's state.

    What is older than the newest KEPT is forgotten.
    """
    told = {"who": user_id, "did": verb, "what": kind, "which": target_id, "when": at}
    number, is_again = (await db.execute(_added(), told)).one()
    return Done(number, user_id, verb, kind, target_id, at), is_again


@cache
def _added() -> Select[int, bool]:
    """Its statement, made once."""
    who, which = whole_number("who"), whole_number("which")
    did, what = bindparam("did", type_=Text), bindparam("what", type_=Text)
    done = _activities.c
    such = and_(done.user_id == who, done.verb == did, done.kind == what, done.target_id == which)
    again = delete(_activities).where(such).returning(done.id).cte("again")
    # Every part of the statement sees what was there before it: of those, one fewer may stay.
    first_too_old = (
        select(done.id)
        .where(done.user_id == who, ~such)
        .order_by(done.id.desc())
        .offset(KEPT - 1)
        .limit(1)
        .scalar_subquery()
    )
    forgotten = delete(_activities).where(done.user_id == who, done.id <= first_too_old).cte("forgotten")
    told = select(who, did, what, which, bindparam("when", type_=DateTime(timezone=True)))
    columns = ["user_id", "verb", "kind", "target_id", "happened_at"]
    new = insert(_activities).from_select(columns, told).returning(done.id).cte("new")
    newest = (
        update(_feeds)
        .where(_feeds.c.user_id == who)
        .values(newest_id=select(new.c.id).scalar_subquery())
        .cte("newest")
    )
    return select(new.c.id, exists(select(again.c.id))).add_cte(again, forgotten, newest)


async def holds(db: Reading, user_id: int, verb: Verb, kind: Kind, target_id: int) -> bool:
    """Whether such an activity is kept."""
    return bool(await db.scalar(select(exists().where(*_such(user_id, verb, kind, target_id)))))


async def remove(db: Writing, user_id: int, verb: Verb, kind: Kind, target_id: int) -> None:
    """Remove such an activity; within a change of this person's state."""
    await db.execute(delete(Activity).where(*_such(user_id, verb, kind, target_id)))
    newest = select(Activity.id).where(Activity.user_id == user_id).order_by(Activity.id.desc()).limit(1)
    left = await db.scalar(newest)
    await db.execute(update(Feed).where(Feed.user_id == user_id).values(newest_id=left or 0))


async def most_active(db: Reading, viewer: UserId, limit: int) -> dict[int, int]:
    """Of those whom the viewer follows, the ones with the newest activities: their ids and states.

    The newest `limit` activities of all of them are among those of these.
    """
    followed = (
        select(Feed.user_id, Feed.version)
        .join(ListenerFollow, ListenerFollow.followed_id == Feed.user_id)
        .where(ListenerFollow.follower_id == viewer, Feed.newest_id > 0)
        .order_by(Feed.newest_id.desc())
        .limit(limit)
    )
    return {row.user_id: row.version for row in await db.execute(followed)}


async def newest(db: Reading, people: Collection[int], limit: int) -> dict[int, list[Done]]:
    """The newest activities of each of these people, newest first, `limit` at most of each."""
    found: dict[int, list[Done]] = {}
    for row in await db.execute(_newest_of_each(people, limit)):
        done = Done(*row)
        found.setdefault(done.user_id, []).append(done)
    return found


async def all_of(db: Reading, people: Collection[int]) -> dict[int, tuple[int, list[Done]]]:
    """The state of each of these people with all the activities that belong to it, newest first."""
    found: dict[int, tuple[int, list[Done]]] = {}
    for version, *row in await db.execute(_newest_of_each(people, KEPT, Feed.version)):
        done = Done(*row)
        found.setdefault(done.user_id, (version, []))[1].append(done)
    return found


async def page_of(db: Reading, user_id: UserId, before: int | None, limit: int) -> list[Done]:
    """The activities of one person that are older than `before`, newest first."""
    theirs = select(*_TOLD).where(Activity.user_id == user_id)
    if before is not None:
        theirs = theirs.where(Activity.id < before)
    return [Done(*row) for row in await db.execute(theirs.order_by(Activity.id.desc()).limit(limit))]


async def names_of(db: Reading, viewer: UserId, activities: Sequence[Done]) -> dict[tuple[str, int], Named]:
    """What the people and things of these activities are called, by kind and id: those that the viewer may know of.

    A private playlist has no name, and neither has one who blocks the viewer or is blocked.
    """
    of_kind: dict[str, set[int]] = {"listener": {done.user_id for done in activities}}
    for done in activities:
        of_kind.setdefault(done.kind, set()).add(done.target_id)
    named = [_named(kind, ids, viewer) for kind, ids in of_kind.items()]
    rows = await db.execute(union_all(*named))
    return {(kind, number): Named(*name) for kind, number, *name in rows}


def _named(kind: str, ids: set[int], viewer: UserId) -> Select[*tuple[Any, ...]]:
    told = literal(kind).label("kind")
    if kind == "song":
        songs = select(told, Song.id, Song.title, Artist.id, Artist.name)
        return songs.join(Artist, Artist.id == Song.artist_id).where(Song.id.in_(ids))
    if kind == "artist":
        return select(told, Artist.id, Artist.name, *_NOBODY).where(Artist.id.in_(ids))
    if kind == "playlist":
        playlists = select(told, _playlists.c.id, _playlists.c.name, *_NOBODY)
        return playlists.where(_playlists.c.id.in_(ids), _playlists.c.is_public.is_(true()))
    listeners = select(told, User.id, User.display_name, *_NOBODY)
    return listeners.where(User.id.in_(ids), seen_by(viewer, User.id))


def _newest_of_each(
    people: Collection[int], limit: int, *further: InstrumentedAttribute[int]
) -> Select[*tuple[Any, ...]]:
    theirs = (
        select(*_TOLD)
        .where(Activity.user_id == Feed.user_id)
        .order_by(Activity.id.desc())
        .limit(limit)
        .lateral()
    )
    return (
        select(*further, *theirs.c)
        .select_from(Feed)
        .join(theirs, true())
        .where(Feed.user_id.in_(people))
        .order_by(theirs.c.id.desc())
    )


def _such(user_id: int, verb: Verb, kind: Kind, target_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        Activity.user_id == user_id,
        Activity.verb == verb,
        Activity.kind == kind,
        Activity.target_id == target_id,
    )
