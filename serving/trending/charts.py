"""Charts in the memory of a process: counted from the rollups now and then, moved twice a second by what is new.

An answer is encoded bytes of this memory, kept until the next look. They are not shared through Redis (the brief's key
`trending:songs:{genre}:{region}`, 5 minutes): every process holds the lists themselves, which are newer than that and nearer.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product

import numpy as np
import pyarrow as pa

from foundation.clock import Clock
from serving.trending.boards import Boards, Key, Ranked, moved, moves_of, ranked
from serving.trending.counting import AT_ONCE, MOST, AsyncRaw, Counting, Parameters
from serving.trending.moves import Ints, Moved, Moves
from serving.trending.names import Names
from serving.trending.schemas import KINDS, OF, VIEWS, Asked, Kind, Of, View
from serving.trending.windows import Span, Window

log = logging.getLogger(__name__)

LOOK = 0.4  # seconds from one look at what is new to the next, so that an event shows within one
COUNT = 60.0  # seconds after which a chart is counted anew, or earlier when its window's beginning moves
SHARE = 0.05  # of the time that counting may take at most, and looking up
AGAIN = 5.0  # seconds until a question that failed is asked again
BEYOND = 60  # seconds that an insert may take to become visible
LOST = 7_200.0  # seconds without a look, after which what is fresh no longer tells all that is new
LONGEST = 2_000_000  # rows of the log of moves, 96 MB
SETTLED = 120  # seconds after which an hour of telling is over: every insert that carries it is visible
TOLD_LATE = timedelta(seconds=10)  # a chart that moves is stale after this
COUNTED_LATE = timedelta(
    minutes=5
)  # and one that is counted alone after this, or twice the time that it is left alone
SHORTEST = 100  # places of a list that must be right: what may be asked for


@dataclass(slots=True)
class Unit:
    """The charts of one window, order and view: counted together."""

    window: Window
    kind: Kind
    view: View
    boards: dict[Of, Boards] = field(default_factory=dict)
    span: Span | None = None
    told: Parameters = field(default_factory=dict)  # how it was counted
    growth: float | None = None
    place: int = 0  # in the log of moves: those after it are not counted
    until: datetime | None = None
    due: float = 0.0
    seconds: float = 0.0  # that counting took
    is_behind: bool = True  # whether it can not be moved until it is counted anew

    @property
    def moves(self) -> bool:
        """Whether it follows what is new between two counts."""
        return self.kind == "most_played" and self.view == "raw"

    @property
    def next_at(self) -> datetime:
        """When its window, which was counted, begins later."""
        assert self.span is not None
        return self.span.next_at


@dataclass(slots=True)
class Charts:
    """All of them. When the warehouse is away, the last ones stay, and are called stale in time."""

    connect: Callable[[], Awaitable[AsyncRaw]]
    now: Clock
    seconds: Callable[[], float] = time.monotonic
    units: dict[tuple[Window, Kind, View], Unit] = field(default_factory=dict)
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
    _wanted: dict[tuple[Window, Of, Key], Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counting = Counting(self.connect)
        self.names = Names(self._counting)
        # the order in which they are counted at the start: what is asked for first
        orders: Iterable[tuple[View, Kind, Window]] = product(VIEWS, KINDS, ("week", "day", "hour", "month"))
        self.units = {(window, kind, view): Unit(window, kind, view) for view, kind, window in orders}

    def list_of(self, asked: Asked, limit: int) -> tuple[Unit, Ranked | None]:
        """The first of a chart, from memory alone; None where it is not held."""
        unit = self.units[asked.window, asked.kind, asked.view]
        key = (asked.genre, asked.region)
        board = unit.boards.get(asked.of, Boards(is_cut=True)).of(key)
        if board is None:
            return unit, None
        if not unit.moves or unit.is_behind or unit.span is None:
            return unit, ranked(board).cut(limit)
        since = unit.span.since.timestamp()
        close = Span.at(
            unit.window, self.now()
        ).close.timestamp()  # of today, which may have begun since it was counted
        fresh = self.news.after(unit.place)
        fresh = fresh.where((fresh.minutes >= since) & (fresh.minutes < close))
        codes = (
            None if asked.genre is None else self.news.genres.of(asked.genre),
            None if asked.region is None else self.news.regions.of(asked.region),
        )
        first = moved(board, moves_of(fresh, codes, by_artist=asked.of == "artists"), max(limit, SHORTEST))
        if first.is_short or len(first.unknown) > AT_ONCE:
            unit.due = min(unit.due, self.seconds() + unit.seconds / SHARE)
        elif len(first.unknown):
            self._wanted[asked.window, asked.of, key] = first.unknown
        return unit, first.cut(limit)

    def is_stale(self, unit: Unit) -> bool:
        """Whether a chart is older than it may be, or was never made."""
        planned = timedelta(seconds=2 * unit.seconds * len(self.units) / SHARE)
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
            if self._looked is None or at - self._looked > LOST:
                await self._start_over()
            else:
                fresh = await self._counting.fresh(self._position, int(at - self._looked) + BEYOND)
                await self._take(fresh)
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
            unit.due = self.seconds() + max(AGAIN, self._rest(began))
            return False
        unit.seconds = self.seconds() - began
        moving = (unit.next_at - self.now()).total_seconds()
        unit.due = self.seconds() + max(min(COUNT, moving), self._rest(began))
        self._let_go()
        self.answers.clear()
        return True

    def _rest(self, began: float) -> float:
        """For how long charts that took so long are left alone: each has its part of the share, and makes no other wait."""
        return (self.seconds() - began) * len(self.units) / SHARE

    async def _count(self, unit: Unit) -> None:
        place, position, looked_at, lapses = self.news.end, self._position, self._looked_at, self._lapses
        span = Span.at(unit.window, self.now())
        compares = unit.kind == "rising"
        told = span.parameters(self._closed(), compares=compares) | {
            "position": position,
            "settled": int(self._ahead + (self._looked or 0.0)) - BEYOND,
        }
        growth = await self._counting.growth_of(unit.view, told) if compares else None
        boards = {of: Boards() for of in OF}
        if growth is not None or not compares:
            boards = {of: await self._counting.lists(of, unit.view, told, growth) for of in OF}
        await self.names.name(boards)
        unit.boards, unit.span, unit.told, unit.growth = boards, span, told, growth
        unit.place, unit.is_behind = place, self._lapses > lapses
        unit.until = self._looked_at if unit.moves else looked_at

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
            unit.is_behind, unit.due = True, min(unit.due, self.seconds() + unit.seconds / SHARE)

    async def _take(self, fresh: pa.Table) -> None:
        """Put what a look brought into the log; where that is too much, every chart waits until it is counted anew."""
        if len(fresh) >= MOST:
            await self._start_over()
            return
        if not len(fresh):
            return
        songs = fresh["song_id"].to_pylist()
        await self.names.name_songs(songs)
        known = [place for place, song in enumerate(songs) if song in self.names.songs]
        named = [self.names.songs[songs[place]] for place in known]
        regions = fresh["country"].to_pylist()
        self.news.add(
            Moved(
                np.array([songs[place] for place in known], np.int64),
                np.array([song.artist_id for song in named], np.int64),
                self.news.genres.all_of(song.genre.lower() for song in named),
                self.news.regions.all_of(regions[place] for place in known),
                fresh["minute"].to_numpy().astype(np.int64)[known],
                fresh["listens"].to_numpy().astype(np.int64)[known],
            )
        )
        self._position = max(self._position, *fresh["newest"].to_pylist())
        if len(self.news) > LONGEST:
            self._let_go()

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
        for (window, of, key), ids in wanted.items():
            unit = self.units[window, "most_played", "raw"]
            boards, told = unit.boards[of], unit.told
            counted = await self._counting.some(of, told, ids)
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
            await asyncio.sleep(max(LOOK / 2, (self.seconds() - began) / SHARE))

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
