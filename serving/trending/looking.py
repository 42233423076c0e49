"""Follows what is new in the warehouse: one process of a host looks, and the others take in what it found.

Each stands at a block of `fresh_listens` and moves to a later one: by what another has told of a look from there, else by what it
asks. Nobody waits for who died, and for who stopped no longer than PATIENCE.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from foundation.clock import Clock
from serving.trending.counting import NEWEST, Counting
from serving.trending.moves import TOLD, Ints, Moved, Moves
from serving.trending.names import NAMELESS, Names
from serving.trending.sharing import Look, Patience, Sharing

LOOK = 0.4  # seconds from one look at what is new to the next, so that an event shows within one
REST = 3.0  # times as long as a look took the warehouse is left alone: it has inserts to make
LONGEST_REST = 2.0  # seconds; a look's fixed part is little of the time by then
POLL = 0.05  # seconds from one glance at what others tell to the next
LOOKED_WITHIN = 10.0  # seconds, else the warehouse is away
PATIENCE = LOOKED_WITHIN  # seconds that another process may look without telling what it found
BEYOND = 60  # seconds that an insert may take to become visible
LOST = 7_200.0  # seconds without a look, after which what is fresh no longer tells all that is new
SETTLED = 120  # seconds after which an hour of telling is over: every insert that carries it is visible


@dataclass(slots=True)
class Looks:
    """Where this process stands, and the log of what moved until there."""

    counting: Counting
    names: Names
    sharing: Sharing
    now: Clock
    has_lapsed: Callable[[], None]  # told when what is new could not be followed
    seconds: Callable[[], float] = time.monotonic
    log: Moves = field(default_factory=Moves)
    position: int = 0  # the newest block that was looked at
    looked: float | None = None  # when the last look was asked
    looked_at: datetime | None = None  # the same
    began_at: datetime | None = None  # since when looks follow upon each other without a gap
    due: float = 0.0  # when to look again
    _patience: Patience = field(default_factory=lambda: Patience(PATIENCE))
    _not_reached: datetime | None = None  # the look after which we asked for what we lack, to no avail or not
    _ahead: float = 0.0  # the warehouse's epoch seconds when ours (monotonic) were 0
    _moving: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self, later_than: float, due: float = 0.0) -> None:
        """Take in a look that was asked later than a moment: another's as soon as it is told, from `due` on one of our own.

        Raises whatever the warehouse does, and TimeoutError.
        """
        while True:
            async with self._moving:
                await self._follow()
                if self._is_later_than(later_than):
                    return
                if self.seconds() >= due:
                    with self.sharing.alone("looking") as is_alone:
                        await self._follow()
                        if self._is_later_than(later_than):
                            return
                        if self._patience.ends(self.seconds(), is_alone=is_alone):
                            await self._ask(tells=is_alone)
                            return
            await asyncio.sleep(POLL)

    async def check_position(self) -> None:
        """A warehouse that was made anew, or whose fresh rows all had gone when it started, numbers its blocks from 1."""
        newest, at = await self.counting.position()
        async with self._moving:
            self._ahead = at - self.seconds()
            if 0 < newest < self.position // 2:
                self._begin_at(newest, self.now())

    def is_of_now(self, moment: datetime) -> bool:
        """Whether looks follow upon each other from this moment on."""
        return self.began_at is not None and moment >= self.began_at

    @property
    def settled(self) -> int:
        """The warehouse's time (epoch seconds) before which nobody looks any more: all that carries one is visible."""
        return int(self._ahead + (self.looked or 0.0)) - BEYOND

    def closed(self) -> datetime:
        """The hour before which the rollups do not change any more."""
        return datetime.fromtimestamp((int(self._ahead + self.seconds()) - SETTLED) // 3600 * 3600, UTC)

    def _is_later_than(self, moment: float) -> bool:
        return self.looked is not None and self.looked > moment

    @property
    def _is_lost(self) -> bool:
        return self.looked is None or self.seconds() - self.looked > LOST

    async def _ask(self, *, tells: bool) -> None:
        """Look from where we stand, or begin at the newest block."""
        at, moment, position = self.seconds(), self.now(), self.position
        async with asyncio.timeout(LOOKED_WITHIN):
            found = None if self._is_lost else await self._moves(NEWEST)
            newest, moves = found or (0, TOLD.empty_table())
            if found is None:
                newest, warehouse_at = await self.counting.position()
                self._ahead = warehouse_at - self.seconds()
            look = Look(
                position=newest if self.looked is None else position,
                newest=newest,
                at=moment,
                took=self.seconds() - at,
                ahead=self._ahead + at - moment.timestamp(),
                is_over=found is None,
            )
            if tells:
                self.sharing.tell_look(look, moves)
            if found is None:
                self._begin_at(newest, moment)
            else:
                await self._take(newest, moves)
        self._has_looked(look)

    async def _follow(self) -> None:
        """Go where another process has looked to since."""
        last = self.sharing.newest()
        if last is None or last.at > self.now() or (self.looked_at is not None and last.at <= self.looked_at):
            return
        if self.looked_at is None or self._is_lost:
            if self.now() - last.at <= timedelta(seconds=PATIENCE):  # as good as asking now
                self._join(last)
                self._has_looked(last)
            return
        self._patience.begin_anew()
        while self.position != last.newest and (told := self.sharing.moves(self.position, self.looked_at)):
            look, moves = told
            if look.is_over:
                self._join(look)
            else:
                await self._take(look.newest, moves)
            self._has_looked(look)
        if self.position < last.newest and last.at != self._not_reached:
            # We were away, or come from elsewhere: nobody keeps what we need.
            if (found := await self._moves(last.newest)) is None:
                self._join(last)
            else:
                await self._take(*found)
            self._not_reached = last.at
        elif 0 < last.newest < self.position:  # a later look saw less: the warehouse was made anew
            self._join(last)
        if self.position == last.newest:
            self._has_looked(last)

    def _has_looked(self, look: Look) -> None:
        self.looked, self.looked_at = self._moment(look), look.at
        self.due = self.looked + max(LOOK, look.took + min(REST * look.took, LONGEST_REST))

    def _moment(self, look: Look) -> float:
        """When it was asked, in our seconds."""
        return self.seconds() - max(0.0, (self.now() - look.at).total_seconds())

    def _join(self, look: Look) -> None:
        self._ahead = look.ahead + look.at.timestamp() - self._moment(look)
        self._begin_at(look.newest, look.at)

    def _begin_at(self, position: int, moment: datetime) -> None:
        """Stand at a block that was the newest at a moment; what was before it comes with the next count."""
        self.position, self.began_at = position, moment
        self.log.begin_at(position)
        self.has_lapsed()

    async def _moves(self, newest: int) -> tuple[int, pa.Table] | None:
        """What is new up to a block; None where it is too much."""
        assert self.looked is not None
        return await self.counting.moves(
            {
                "position": self.position,
                "newest": newest,
                "lookback": int(self.seconds() - self.looked) + BEYOND,
                "settled": self.settled,
                "closed": f"{self.closed():%Y-%m-%d %H:%M:%S}",
            }
        )

    async def _take(self, newest: int, moves: pa.Table) -> None:
        """Put what a look found into the log."""
        if newest == self.position:
            return
        songs, places = np.unique(moves["song_id"].to_numpy(), return_inverse=True)
        await self.names.name_songs(songs.tolist())
        self.log.add(self._named(moves, songs.tolist(), places), newest)
        self.position = newest

    def _named(self, moves: pa.Table, songs: list[int], places: Ints) -> Moved:
        """What a look brought, with what it is by now: without songs gone from the catalog."""
        named = [self.names.songs.get(song) for song in songs]
        known = [NAMELESS if song is None else song for song in named]
        countries = moves["country"].combine_chunks().dictionary_encode()
        regions = self.log.regions.all_of(countries.dictionary.to_pylist())[countries.indices.to_numpy()]

        def of_song(values: Iterable[int]) -> Ints:
            return np.fromiter(values, np.int64, len(songs))[places]

        found = Moved(
            songs=moves["song_id"].to_numpy(),
            artists=of_song(song.artist_id for song in known),
            albums=of_song(song.album_id for song in known),
            playlists=moves["playlist_id"].to_numpy(),
            genres=self.log.genres.all_of(song.genre.lower() for song in known)[places],
            regions=regions,
            minutes=moves["minute"].to_numpy(),
            listens=moves["listens"].to_numpy(),
            repeats=moves["repeats"].to_numpy(),
        )
        return found.where(np.array([song is not None for song in named], bool)[places])
