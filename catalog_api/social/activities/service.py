"""What people did, told to those who follow them, unless they wished to be alone."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from heapq import nlargest
from itertools import chain

from catalog_api.social.activities import repository
from catalog_api.social.activities.copies import Copies
from catalog_api.social.activities.done import KEPT, Done, Kind, Verb
from catalog_api.social.activities.schemas import ActivityOut, TargetOut
from catalog_api.social.people.service import People
from catalog_api.social.positions import id_of
from catalog_api.social.schemas import ArtistCard, ListenerCard
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.engines.redis import AsyncRedis
from foundation.errors import Unreachable
from foundation.http.pages import Cursor, Stretch, sealed
from foundation.ids import UserId

log = logging.getLogger(__name__)

COPIED = 10  # people whose copies one reader makes anew, at most: 10,000 activities
FEW = 4  # activities of one person that a feed looks at first
DEEPER = 4  # times as many are looked at where some of the newest may not be told


@dataclass(frozen=True, slots=True)
class Activities:
    """Notes what people do, for whichever domain they do it in; call it in the transaction of what was done."""

    db: Writing
    redis: AsyncRedis
    now: Clock

    async def add(self, user_id: UserId, verb: Verb, kind: Kind, target_id: int) -> None:
        """Note that this person did it, as the newest they did. What they did before in the same words is forgotten.

        A private session leaves no activity.
        """
        version = await repository.begin(self.db, user_id)
        if version is None:
            return
        done, is_again = await repository.add(self.db, user_id, verb, kind, target_id, self.now())
        if not is_again:
            self.db.after_commit(partial(self._copy, done, version - 1))

    async def remove(self, user_id: UserId, verb: Verb, kind: Kind, target_id: int) -> None:
        """Tell nobody any more that this person did it, for example because they undid it."""
        if await repository.holds(self.db, user_id, verb, kind, target_id):
            await repository.changed(self.db, user_id)
            await repository.remove(self.db, user_id, verb, kind, target_id)

    async def _copy(self, done: Done, before: int) -> None:
        try:
            await Copies(self.redis).add(done, before)
        except Unreachable as away:
            log.warning("an activity is in Postgres alone: %s", away)


@dataclass(frozen=True, slots=True)
class Feeds:
    """What those whom one follows did."""

    db: Reading
    redis: AsyncRedis

    async def newest(self, viewer: UserId, limit: int) -> list[ActivityOut]:
        """The newest activities of all whom the viewer follows, newest first; the same with Redis as without."""
        depth = limit
        while True:
            merged = await self._merged(viewer, depth)
            told = await self._told(viewer, merged)
            if len(told) >= limit or len(merged) < depth or depth >= KEPT:
                return told[:limit]
            depth = min(DEEPER * depth, KEPT)

    async def of(self, viewer: UserId, user_id: UserId, cursor: Cursor) -> Stretch[ActivityOut]:
        """What one person did, newest first. Raises ListenerNotFound also where one of the two blocks the other."""
        before = id_of(cursor)
        await People(self.db).meet(viewer, user_id)
        found = await repository.page_of(self.db, user_id, before, cursor.limit + 1)
        some = found[: cursor.limit]
        is_more = len(found) > cursor.limit
        return Stretch(
            results=await self._told(viewer, some), next_cursor=sealed(some[-1].id) if is_more else None
        )

    async def _merged(self, viewer: UserId, depth: int) -> list[Done]:
        """The newest `depth` activities of all whom the viewer follows.

        Of each person first a few are read: only who fills the whole feed with these is asked for more.
        """
        versions = await repository.most_active(self.db, viewer, depth)
        if not versions:
            return []
        few = min(max(FEW, DEEPER * depth // len(versions)), depth)
        found = await self._of_each(versions, few)
        newest = _newest_of(found, depth)
        oldest = newest[-1].id if len(newest) == depth else 0
        cut_off = {
            user_id: versions[user_id]
            for user_id, theirs in found.items()
            if few <= len(theirs) < depth and theirs[-1].id > oldest
        }
        if not cut_off:
            return newest
        return _newest_of(found | await self._of_each(cut_off, depth), depth)

    async def _of_each(self, versions: Mapping[int, int], limit: int) -> dict[int, list[Done]]:
        """The newest activities of each of these people, `limit` at least where there are as many."""
        copies = Copies(self.redis)
        try:
            found = await copies.newest(versions, limit)
        except Unreachable as away:
            log.warning("feeds come from Postgres alone: %s", away)
            return await repository.newest(self.db, versions, limit)
        missing = [user_id for user_id in versions if user_id not in found]
        found |= await self._made_anew(copies, missing[:COPIED])
        if beyond := missing[COPIED:]:
            found |= await repository.newest(self.db, beyond, limit)
        return found

    async def _made_anew(self, copies: Copies, people: list[int]) -> dict[int, list[Done]]:
        if not people:
            return {}
        told = await repository.all_of(self.db, people)
        try:
            await copies.fill(told)
        except Unreachable as away:
            log.warning("no copy was made of activities: %s", away)
        return {user_id: activities for user_id, (_, activities) in told.items()}

    async def _told(self, viewer: UserId, activities: list[Done]) -> list[ActivityOut]:
        """Those of them that the viewer may know of, with names."""
        if not activities:
            return []
        names = await repository.names_of(self.db, viewer, activities)
        return [
            _out(done, who.name, what)
            for done in activities
            if (who := names.get(("listener", done.user_id)))
            and (what := names.get((done.kind, done.target_id)))
        ]


def _newest_of(found: Mapping[int, list[Done]], depth: int) -> list[Done]:
    return nlargest(depth, chain.from_iterable(found.values()), key=lambda done: done.id)


def _out(done: Done, who: str, what: repository.Named) -> ActivityOut:
    artist = None
    if what.artist_id is not None and what.artist is not None:
        artist = ArtistCard(artist_id=what.artist_id, name=what.artist)
    return ActivityOut(
        activity_id=done.id,
        user=ListenerCard(user_id=done.user_id, display_name=who),
        verb=done.verb,
        target=TargetOut(kind=done.kind, id=done.target_id, name=what.name, artist=artist),
        happened_at=done.happened_at,
    )
