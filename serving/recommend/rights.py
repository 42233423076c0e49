"""Follows what the catalog tells of songs, so that a removed song leaves every feed within a second or two."""

import asyncio
import heapq
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from feature_store.definitions import CHANGED_SONGS
from feature_store.rights import SongRights, changed_since
from foundation.engines.redis import AsyncRedis
from foundation.errors import Unreachable

log = logging.getLogger(__name__)

LOOKS = 60  # of which the news are kept apart
EVERY = 0.7  # seconds between two looks
AWAY = 3.0  # the same while Redis does not answer


@dataclass(slots=True)
class Rights:
    """The newest of each song that changed lately; `number` grows with every look that found news.

    Whoever has taken all news up to a number asks for those after it.
    """

    redis: AsyncRedis
    by_song: dict[int, SongRights] = field(default_factory=dict)
    number: int = 0
    _news: dict[int, tuple[SongRights, ...]] = field(default_factory=dict)  # of the last looks, by number
    _newest: int = 0  # version

    async def refresh(self) -> bool:
        """Look once; returns whether Redis answered."""
        try:
            found = await changed_since(self.redis, self._newest)
        except Unreachable as away:
            log.debug("what the catalog tells of songs waits: %s", away)
            return False
        news = [each for each in found if self.by_song.get(each.song_id) != each]
        if news:
            self.take(news)
        return True

    def take(self, news: Sequence[SongRights]) -> None:
        """What a look found; of very many songs the newest stay, as they do in Redis."""
        known = self.by_song | {each.song_id: each for each in news}
        if len(known) > 2 * CHANGED_SONGS.limit:
            newest = heapq.nlargest(CHANGED_SONGS.limit, known.values(), key=lambda each: each.version)
            known = {each.song_id: each for each in newest}
        self._newest = max(self._newest, *(each.version for each in news))
        self._news = {**self._news, self.number + 1: tuple(news)}
        self._news.pop(self.number + 1 - LOOKS, None)
        self.by_song, self.number = known, self.number + 1

    def since(self, number: int) -> Collection[SongRights]:
        """The news after that number; all that is known, where it is too long ago."""
        wanted = range(number + 1, self.number + 1)
        if number == 0 or any(each not in self._news for each in wanted):
            return self.by_song.values()
        return [each for number in wanted for each in self._news[number]]

    async def follow(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set: a cancellation that comes while Redis is asked may be lost in its client."""
        while not stop.is_set():
            answered = await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY if answered else AWAY)
