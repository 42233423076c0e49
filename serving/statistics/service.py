"""Who may ask for which statistics, and which questions the warehouse is asked for them."""

import asyncio
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Protocol
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from foundation.cache import Cache, Kind, Make
from foundation.clock import Clock
from foundation.http.principal import NotAllowed
from foundation.ids import ArtistId, UserId
from foundation.security import Principal
from serving.statistics import artist, listener, platform
from serving.statistics.errors import BackToFront, UnknownTimeZone
from serving.statistics.listener import Asked
from serving.statistics.periods import BEGINNING, Range, period
from serving.statistics.schemas import ArtistPlaylists
from serving.statistics.warehouse import Warehouse

KEPT = Kind("statistics", "statistics:{}", timedelta(seconds=10))
PLAYLISTS = 20  # that are named of those that carry an artist
LONGEST = 400  # days that may be asked for at once
ANALYSTS = frozenset({"analyst", "admin"})
_encoder = msgspec.json.Encoder()


class Catalog(Protocol):
    """What the catalog alone knows of artists, of which serving has no copy. The gateway brings it."""

    async def owns(self, user_id: UserId, artist_id: ArtistId) -> bool:
        """Whether the artist is this person's. Raises Unreachable."""

    async def playlists_with(self, artist_id: ArtistId, limit: int) -> ArtistPlaylists:
        """The playlists that carry the artist, of which so many are named. Raises Unreachable."""


@dataclass(frozen=True, slots=True)
class Days:
    """Days (UTC), both included."""

    since: date
    until: date

    @classmethod
    def of(cls, since: date, until: date) -> "Days":
        """Raises BackToFront."""
        if not 0 <= (until - since).days < LONGEST or since < BEGINNING.date():
            raise BackToFront(f"ask for 1 to {LONGEST} days, the first of them first", longest=LONGEST)
        return cls(since, until)


@dataclass(frozen=True, slots=True)
class Statistics:
    """Answers as JSON, each kept for some seconds, so that a page that is loaded again costs the warehouse nothing."""

    warehouse: Warehouse
    cache: Cache
    artists: Catalog
    now: Clock

    async def of_listener(
        self, asking: Principal, named: Range, *, as_of: datetime | None, tz: str, limit: int
    ) -> bytes:
        """The statistics of who asks. Raises UnknownTimeZone, Unreachable, AskedTooMuch."""
        zone = _zone(tz)

        async def made() -> bytes:
            at = self._moment(as_of)
            asked = Asked(asking.user_id, named, period(named, at, zone), zone, tz, at, limit)
            return _encoder.encode(await listener.read(self.warehouse, asked))

        return await self._kept(f"me:{asking.user_id}:{named}:{as_of}:{tz}:{limit}", made)

    async def of_artist(
        self, asking: Principal, artist_id: ArtistId, days: Days, as_of: datetime | None
    ) -> bytes:
        """An artist's, for whom the artist belongs to, analysts and admins. Raises NotAllowed, UnknownArtist, Unreachable."""
        if not (asking.roles & ANALYSTS or await self.artists.owns(asking.user_id, artist_id)):
            raise NotAllowed("an artist's statistics are for whom the artist belongs to, analysts and admins")

        async def made() -> bytes:
            at = self._moment(as_of)
            heard, carried = await asyncio.gather(
                artist.read(self.warehouse, artist_id, days.since, days.until, at),
                self.artists.playlists_with(artist_id, PLAYLISTS),
            )
            return _encoder.encode(msgspec.structs.replace(heard, playlists=carried))

        return await self._kept(f"artist:{artist_id}:{days.since}:{days.until}:{as_of}", made)

    async def of_platform(self, subject: platform.Subject, days: Days) -> bytes:
        """Activity, retention or what recommendations came to. Raises Unreachable, AskedTooMuch."""

        async def made() -> bytes:
            return _encoder.encode(await platform.READ[subject](self.warehouse, days.since, days.until))

        return await self._kept(f"{subject}:{days.since}:{days.until}", made)

    def _moment(self, as_of: datetime | None) -> datetime:
        """The moment asked for; what is to come is not known better than now."""
        now = self.now()
        return now if as_of is None else max(BEGINNING, min(as_of, now))

    async def _kept(self, key: str, make: Make) -> bytes:
        found = await self.cache.of(KEPT, KEPT.key(key), make)
        assert found is not None
        return found.body


def _zone(tz: str) -> ZoneInfo:
    """The clock of that name. Raises UnknownTimeZone."""
    if tz not in _zones():
        raise UnknownTimeZone(f"there is no time zone {tz!r}: name one as Europe/Amsterdam")
    return ZoneInfo(tz)


@cache
def _zones() -> frozenset[str]:
    """The names of all clocks, but for what names no place."""
    return frozenset(available_timezones()) - {"Factory", "localtime"}
