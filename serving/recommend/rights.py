"""Follows what the catalog tells of songs, so that a removed song leaves every feed within a second or two."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field

from feature_store.rights import SongRights, changed_since
from foundation.engines.redis import AsyncRedis
from foundation.errors import Unreachable

log = logging.getLogger(__name__)

EVERY = 0.7  # seconds between two looks
AWAY = 3.0  # the same while Redis does not answer


@dataclass(slots=True)
class Rights:
    """The newest of each song that changed lately; `number` grows with every change, so that others know to look again."""

    redis: AsyncRedis
    by_song: dict[int, SongRights] = field(default_factory=dict)
    number: int = 0
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
            self.by_song = self.by_song | {each.song_id: each for each in news}
            self._newest = max(self._newest, *(each.version for each in news))
            self.number += 1
        return True

    async def follow(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set: a cancellation that comes while Redis is asked may be lost in its client."""
        while not stop.is_set():
            answered = await self.refresh()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY if answered else AWAY)
