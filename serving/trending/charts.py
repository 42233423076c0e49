"""Charts in the memory of a process: counted from the rollups now and then, moved twice a second by what is new.

An answer is encoded bytes of this memory, kept until the next look. They are not shared through Redis (the brief's key
`trending:songs:{genre}:{region}`, 5 minutes): every process holds the lists themselves, which are newer than that and nearer.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from foundation.clock import Clock
from serving.trending.boards import EMPTY, Board, Boards, Growth, Key, Ranked, moved
from serving.trending.counting import AT_ONCE, MOST, AsyncRaw, Counting
from serving.trending.moves import NO_SUMS, Ints, Moved, Moves, Sums, sums_of
from serving.trending.names import Names
from serving.trending.schemas import KINDS, SOURCES, VIEWS, Asked, Kind, Of, Source, View
from serving.trending.units import SHARE, Name, Unit, growth_of, name_of
from serving.trending.windows import Span, Window

log = logging.getLogger(__name__)

LOOKED_WITHIN = 10.0  # seconds, else the warehouse is away
LOOK = 0.4  # seconds from one look at what is new to the next, so that an event shows within one
COUNT = 60.0  # seconds after which a chart is counted anew, or earlier when its window's beginning moves
AGAIN = 5.0  # seconds until a question that failed is asked again
BEYOND = 60  # seconds that an insert may take to become visible
LOST = 7_200.0  # seconds without a look, after which what is fresh no longer tells all that is new
LONGEST = 2_000_000  # rows of the log of moves, 144 MB
SETTLED = 120  # seconds after which an hour of telling is over: every insert that carries it is visible
TOLD_LATE = timedelta(seconds=10)  # a chart that moves is stale after this
COUNTED_LATE = timedelta(
    minutes=5
)  # and one that is counted alone after this, or twice the time that it is left alone
SHORTEST = 100  # places of a list that must be right: what may be asked for


@dataclass(slots=True)
class Charts:
    """All of them. When the warehouse is away, the last ones stay, and are called stale in time."""

    connect: Callable[[], Awaitable[AsyncRaw]]
    now: Clock
    seconds: Callable[[], float] = time.monotonic
    listeners: int = 5  # different ones, of whom a search that is told names none
    units: dict[Name, Unit] = field(default_factory=dict)
    names: Names = field(init=False)
    news: Moves = field(default_factory=Moves)
    answers: dict[tuple[Asked, int], bytes] = field(default_factory=dict)  # encoded, until the next look
    _counting: Counting = field(init=False)
    _position: int = 0  # the newest block that was looked at
    _looked: float | None = None
    _looked_at: datetime | None = None
    _ahead: float = 0.0  # the warehouse's epoch seconds when ours (monotonic) were 0
    _is_away: bool = False
    _lapses: int = 0  # how often the charts fell behind
    _wanted: dict[tuple[Name, Of, Key], Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counting = Counting(self.connect, self.listeners)
        self.names = Names(self._counting)
        # the order in which they are counted at the start: what is asked for first
        orders: Iterable[tuple[View, Kind, Source, Window]]
        orders = product(VIEWS, KINDS, SOURCES, ("week", "day", "hour", "month"))
        for view, kind, source, window in orders:
            self.units[source, window, kind, view] = Unit(source, window, kind, view)

    def list_of(self, asked: Asked, limit: int) -> tuple[Unit, Ranked | None]:
        """The first of a chart, from memory alone; None where it is not held."""
        unit, board, key = self._held(asked)
        if board is None:
            return unit, None
        sums, growth = self._moved(unit, asked)
        if unit.compares and growth is None:  # there was nothing to rise, or nothing to rise against
            if unit.place < self.news.end:
                unit.due = min(unit.due, self._soon(unit))
            return unit, moved(EMPTY, NO_SUMS, limit)
        first = moved(board, sums, max(limit, SHORTEST), growth)
        if first.is_short or (len(first.unknown) > AT_ONCE and not unit.compares):
            unit.due = min(unit.due, self._soon(unit))
        if len(first.unknown):
            self._wanted[name_of(asked), asked.of, key] = first.unknown[:AT_ONCE]
        return unit, first.cut(limit)

    def totals(self, asked: Asked) -> tuple[int, int] | None:
        """All listens of a chart and those left out as repeats; None where it was not counted."""
        unit, board, _ = self._held(asked)
        if board is None or unit.until is None:
            return None
        sums, _ = self._moved(unit, asked)
        return board.listens + int(sums.heard.sum()), board.left_out + int(sums.removed.sum())

    def growth(self, asked: Asked) -> float | None:
        """All listens of a chart's window for one of the time that it is compared with, where it is rising."""
        unit = self.units[name_of(asked)]
        growth = self._moved(unit, asked)[1] if unit.compares else None
        return None if growth is None else growth.now

    def _held(self, asked: Asked) -> tuple[Unit, Board | None, Key]:
        unit, key = self.units[name_of(asked)], (asked.genre, asked.region)
        return unit, unit.boards.get(asked.of, Boards(is_cut=True)).of(key), key

    def _moved(self, unit: Unit, asked: Asked) -> tuple[Sums, Growth | None]:
        """What moves a list since it was counted, and how the whole has grown."""
        if not unit.moves or unit.is_behind or unit.span is None:
            growth = unit.growth
            return NO_SUMS, None if growth is None else Growth(growth, growth)
        fresh, times = self.news.after(unit.place), unit.times(self.now())
        codes = (
            None if asked.genre is None else self.news.genres.of(asked.genre),
            None if asked.region is None else self.news.regions.of(asked.region),
        )
        sums = sums_of(fresh, asked.of, codes, times, cleaned=unit.is_cleaned)
        return sums, unit.grown(fresh, times)

    def is_stale(self, unit: Unit) -> bool:
        """Whether a chart is older than it may be, or was never made."""
        planned = timedelta(seconds=2 * self._rest(unit))
        late = TOLD_LATE if unit.moves else max(COUNTED_LATE, planned)
        return unit.until is None or self.now() - unit.until > late

    async def refresh(self) -> bool:
        """Look, and count everything anew; returns whether the warehouse answered."""
        answered = await self.look()
        for unit in self.units.values():
            answered = answered and await self.count(unit)
        return answered

    async def follow(self) -> None:
        """Look, look up and count until cancelled."""
        await asyncio.gather(self._keep_looking(), self._keep_finding(), self._keep_counting())

    async def close(self) -> None:
        """Let go of the warehouse."""
        await self._counting.close()

    async def look(self) -> bool:
        """Take in what is new; returns whether the warehouse answered."""
        try:
            at, moment = self.seconds(), self.now()
            async with asyncio.timeout(LOOKED_WITHIN):
                if self._looked is None or at - self._looked > LOST:
                    await self._start_over()
                else:
                    lookback = int(at - self._looked) + BEYOND
                    await self._take(await self._counting.fresh(self._position, lookback), lookback)
            self._looked, self._looked_at = at, moment
            for unit in self.units.values():
                if unit.moves and not unit.is_behind:
                    unit.until = moment
        except Exception as error:  # noqa: BLE001 - whatever fails, the charts stay as they are, and it tries again
            if not self._is_away:
                log.warning("charts are not moved: %s", error)
            self._is_away = True
            return False
        finally:
            self.answers.clear()
        self._is_away = False
        return True

    async def count(self, unit: Unit) -> bool:
        """Count the charts of a unit anew; returns whether the warehouse answered."""
        began = self.seconds()
        try:
            await self._check_position()
            await self._count(unit)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("the charts of the %s are not counted: %s", unit.window, error)
            unit.due = self.seconds() + max(AGAIN, self._rest(unit, self.seconds() - began))
            return False
        unit.seconds = self.seconds() - began
        moving = (unit.next_at - self.now()).total_seconds()
        pause = min(COUNT, moving) if unit.moves else LOOK
        unit.due = self.seconds() + max(pause, self._rest(unit))
        self._let_go()
        self.answers.clear()
        return True

    def _rest(self, unit: Unit, took: float | None = None) -> float:
        """For how long charts that take so long are left alone: each has its part of the share, and makes no other wait."""
        alike = sum(each.source == unit.source for each in self.units.values())
        return (unit.seconds if took is None else took) * alike / SHARE[unit.source]

    def _soon(self, unit: Unit) -> float:
        """When charts may be counted anew that must be: all of the share is theirs."""
        return self.seconds() + unit.seconds / SHARE[unit.source]

    async def _count(self, unit: Unit) -> None:
        place, position, looked_at, lapses = self.news.end, self._position, self._looked_at, self._lapses
        span = Span.at(unit.window, self.now())
        told = span.parameters(self._closed(), compares=unit.compares) | {
            "position": position,
            "settled": self._settled,
        }
        totals = (0, 0)
        growth = None
        if unit.compares:
            totals = await self._counting.totals(unit.source, unit.view, told)
            growth = growth_of(totals)
        boards = {of: Boards() for of in SOURCES[unit.source]}
        if growth is not None or not unit.compares:
            boards = {of: await self._counting.lists(of, unit.view, told, growth) for of in boards}
        await self.names.name(boards)
        unit.boards, unit.span, unit.told, unit.totals = boards, span, told, totals
        unit.place, unit.is_behind = place, self._lapses > lapses
        unit.until = self._looked_at if unit.moves else looked_at

    @property
    def _settled(self) -> int:
        """The warehouse's time (epoch seconds) before which nobody looks any more: all that carries one is visible."""
        return int(self._ahead + (self._looked or 0.0)) - BEYOND

    def _closed(self) -> datetime:
        """The hour before which the rollups do not change any more."""
        return datetime.fromtimestamp((int(self._ahead + self.seconds()) - SETTLED) // 3600 * 3600, UTC)

    def _let_go(self) -> None:
        """Forget the moves that every chart has counted, and charts that were not counted for too long."""
        if len(self.news) > LONGEST:
            self._fall_behind()
        places = [unit.place for unit in self.units.values() if unit.moves and not unit.is_behind]
        self.news.forget(min(places, default=self.news.end))

    def _fall_behind(self) -> None:
        """Leave the charts as they are until they are counted anew."""
        self._lapses += 1
        for unit in self.units.values():
            unit.is_behind, unit.due = True, min(unit.due, self._soon(unit))

    async def _take(self, fresh: pa.Table, lookback: int) -> None:
        """Put what a look brought into the log; where that is too much, every chart waits until it is counted anew."""
        if len(fresh) >= MOST:
            await self._start_over()
            return
        if not len(fresh):
            return
        newest = max(fresh["newest"].to_pylist())
        repeats = await self._counting.fresh_repeats(
            {
                "position": self._position,
                "newest": newest,
                "lookback": lookback,
                "settled": self._settled,
                "closed": f"{self._closed():%Y-%m-%d %H:%M:%S}",
            }
        )
        rows = fresh.to_pylist() + repeats
        await self.names.name_songs({row["song_id"] for row in rows})
        playlists = sorted({row["playlist_id"] for row in rows} - {0})
        public = {row["playlist_id"] for row in await self._counting.named("playlists", playlists)}
        self.news.add(self._named(rows, public))
        self._position = newest
        if len(self.news) > LONGEST:
            self._let_go()

    def _named(self, rows: Iterable[Mapping[str, Any]], public: AbstractSet[int]) -> Moved:
        """What a look brought, with what it is by now: without songs gone from the catalog, and no playlist but those of `public`."""
        known = [(row, song) for row in rows if (song := self.names.songs.get(row["song_id"])) is not None]

        def column(values: Iterable[int]) -> Ints:
            return np.fromiter(values, np.int64, len(known))

        return Moved(
            songs=column(row["song_id"] for row, _ in known),
            artists=column(song.artist_id for _, song in known),
            albums=column(song.album_id for _, song in known),
            playlists=column(row["playlist_id"] if row["playlist_id"] in public else 0 for row, _ in known),
            genres=self.news.genres.all_of(song.genre.lower() for _, song in known),
            regions=self.news.regions.all_of(row["country"] for row, _ in known),
            minutes=column(row["minute"] for row, _ in known),
            listens=column(row.get("listens", 0) for row, _ in known),
            repeats=column(row.get("repeats", 0) for row, _ in known),
        )

    async def _start_over(self) -> None:
        """Look from the newest block on; what was before it comes with the next count."""
        newest, at = await self._counting.position()
        self._position, self._ahead = newest, at - self.seconds()
        self._fall_behind()

    async def _check_position(self) -> None:
        """A warehouse that was made anew, or whose fresh rows all had gone when it started, numbers its blocks from 1."""
        newest, at = await self._counting.position()
        self._ahead = at - self.seconds()
        if 0 < newest < self._position // 2:
            await self._start_over()

    async def look_up(self) -> None:
        """Count those who may have come into a chart as its others were counted; then they are in it."""
        wanted, self._wanted = self._wanted, {}
        for (name, of, key), ids in wanted.items():
            unit = self.units[name]
            boards, told = unit.boards[of], unit.told
            counted = await self._counting.some(of, unit.view, told, ids)
            if unit.told is told:  # else it was counted anew meanwhile
                await self.names.name({of: counted})
                boards.learn(key, ids, counted)

    async def _keep_looking(self) -> None:
        while True:
            began = self.seconds()
            answered = await self.look()
            took = self.seconds() - began  # it waits, mostly: a busy warehouse is left alone half of the time
            await asyncio.sleep(max(LOOK - took, took) if answered else AGAIN / 5)
            if self.names.are_many:
                held = [unit.boards for unit in self.units.values()]
                self.names.forget_all_but(held, self.news.after(self.news.end - len(self.news)))

    async def _keep_finding(self) -> None:
        while True:
            began = self.seconds()
            try:
                await self.look_up()
            except Exception as error:  # noqa: BLE001 - as above: whoever asks again has it looked up again
                log.warning("nobody new is looked up: %s", error)
            await asyncio.sleep(max(LOOK / 2, (self.seconds() - began) / SHARE["listens"]))

    async def _keep_counting(self) -> None:
        while True:
            unit = min(self.units.values(), key=lambda each: each.due)
            wait = unit.due - self.seconds()
            if self._looked is None or self._is_away:
                wait = max(wait, LOOK)
            if wait > 0:
                await asyncio.sleep(min(wait, LOOK))
                continue
            await self.count(unit)

    @property
    def nbytes(self) -> int:
        """What the lists and the log take in memory; names come on top."""
        lists = sum(boards.nbytes for unit in self.units.values() for boards in unit.boards.values())
        return lists + self.news.nbytes

    @property
    def entries(self) -> int:
        """How many places all lists have together."""
        return sum(boards.entries for unit in self.units.values() for boards in unit.boards.values())
