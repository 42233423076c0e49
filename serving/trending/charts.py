"""Charts in the memory of a process: counted from the rollups now and then, moved twice a second by what is new.

An answer is encoded bytes of this memory, kept until the next look. They are not shared through Redis (the brief's key
`trending:songs:{genre}:{region}`, 5 minutes): every process holds the lists themselves, which are newer than that and nearer.
What the warehouse is asked for, looks and counts, one process of a host asks for all of them (`sharing`).
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

import pyarrow as pa

from foundation.clock import Clock
from serving.trending.boards import EMPTY, LENGTH, Board, Boards, Growth, Key, Ranked, boards_of, moved
from serving.trending.counting import AT_ONCE, COUNTED_WITHIN, AsyncRaw, Counting
from serving.trending.looking import POLL, Looks
from serving.trending.moves import NO_SUMS, Ints, Moves, Sums, sums_of
from serving.trending.names import Names
from serving.trending.schemas import KINDS, SOURCES, VIEWS, Asked, Kind, Of, Source, View
from serving.trending.sharing import Count, Patience, Sharing
from serving.trending.units import SHARE, Name, Unit, growth_of, name_of
from serving.trending.windows import Span, Window

log = logging.getLogger(__name__)

COUNT = 60.0  # seconds after which a chart is counted anew, or earlier when its window's beginning moves
GLANCE = 0.4  # seconds from one glance at what is due to the next
PAUSE = 3.0  # times as long as a count took until the next: all are due after the warehouse was away, and it has inserts to make
QUESTIONS = 4  # that a count asks at most
AGAIN = 5.0  # seconds until a question that failed is asked again
LONGEST = 2_000_000  # rows of the log of moves, 144 MB
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
    sharing: Sharing = field(default_factory=Sharing)  # with other processes of this host
    looks: Looks = field(init=False)
    answers: dict[tuple[Asked, int], bytes] = field(default_factory=dict)  # encoded, until the next look
    _counting: Counting = field(init=False)
    _patience: Patience = field(default_factory=lambda: Patience(QUESTIONS * COUNTED_WITHIN))
    _is_away: bool = False
    _lapses: int = 0  # how often the charts fell behind
    _wanted: dict[tuple[Name, Of, Key], Ints] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._counting = Counting(self.connect, self.listeners)
        self.names = Names(self._counting)
        self.looks = Looks(
            self._counting, self.names, self.sharing, self.now, self._fall_behind, self.seconds
        )
        # the order in which they are counted at the start: what is asked for first
        orders: Iterable[tuple[View, Kind, Source, Window]]
        orders = product(VIEWS, KINDS, SOURCES, ("week", "day", "hour", "month"))
        for view, kind, source, window in orders:
            self.units[source, window, kind, view] = Unit(source, window, kind, view)

    @property
    def news(self) -> Moves:
        """What moves the charts since they were counted."""
        return self.looks.log

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
        planned = timedelta(seconds=2 * self._rest(unit, unit.seconds))
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
        """Take in what is new by now; returns whether the warehouse answered."""
        return await self._take_in(self.seconds())

    async def _take_in(self, later_than: float, due: float = 0.0) -> bool:
        try:
            await self.looks.look(later_than, due)
        except Exception as error:  # noqa: BLE001 - whatever fails, the charts stay as they are, and it tries again
            if not self._is_away:
                log.warning("charts are not moved: %s", error)
            self._is_away = True
            return False
        finally:
            self.answers.clear()
        for unit in self.units.values():
            if unit.moves and not unit.is_behind:
                unit.until = self.looks.looked_at
        if len(self.news) > LONGEST:
            self._let_go()
        self._is_away = False
        return True

    async def count(self, unit: Unit) -> bool:
        """Count the charts of a unit anew; returns whether the warehouse answered."""
        with self.sharing.alone("counting") as is_alone:
            return await self._count_anew(unit, tells=is_alone)

    async def _count_anew(self, unit: Unit, *, tells: bool) -> bool:
        at, began = self.now(), self.seconds()
        try:
            await self.looks.check_position()
            place, lapses = self.news.end, self._lapses
            count, lists = await self._counted(unit, at, began)
            if tells:
                await asyncio.to_thread(self.sharing.tell_count, unit.title, count, lists)
            await self._take_over(unit, count, lists, place, lapses)
        except Exception as error:  # noqa: BLE001 - as above
            log.warning("the charts of the %s are not counted: %s", unit.window, error)
            took = self.seconds() - began
            if tells:  # so that no other process tries the same in vain
                self.sharing.tell_count(unit.title, Count(at=at, took=took, has_failed=True), {})
            self._plan(unit, at, took, AGAIN)
            return False
        return True

    async def _counted(self, unit: Unit, at: datetime, began: float) -> tuple[Count, dict[Of, pa.Table]]:
        """The lists of a unit, asked of the warehouse."""
        told: dict[str, str | int | float] = {"position": self.looks.position, "settled": self.looks.settled}
        told |= Span.at(unit.window, at).parameters(self.looks.closed(), compares=unit.compares)
        looked_at, totals = self.looks.looked_at, (0, 0)
        if unit.compares:
            totals = await self._counting.totals(unit.source, unit.view, told)
        growth = growth_of(totals)
        lists: dict[Of, pa.Table] = {}
        if growth is not None or not unit.compares:
            for of in SOURCES[unit.source]:
                lists[of] = await self._counting.lists(of, unit.view, told, growth)
        return Count(at=at, took=self.seconds() - began, looked_at=looked_at, told=told, totals=totals), lists

    async def adopt(self, unit: Unit) -> bool:
        """Take over how another process counted a unit, where that is newer and we know what has moved since, or soon will."""

        def is_usable(count: Count) -> bool:
            is_newer = unit.tried_at is None or count.at > unit.tried_at
            return is_newer and count.at <= self.now() and self.looks.is_of_now(count.looked_at or count.at)

        if (told := await asyncio.to_thread(self.sharing.counted, unit.title, is_usable)) is None:
            return False
        count, lists = told
        if count.has_failed:
            self._plan(unit, count.at, count.took, AGAIN)
            return True
        if count.looked_at is None or self.looks.looked_at is None:
            return False
        if count.looked_at > self.looks.looked_at:  # it was counted where we are about to come
            await asyncio.sleep(POLL)
            return True
        lapses, place = self._lapses, self.news.place_of(int(count.told["position"]))
        if place is None:
            return False
        try:
            await self._take_over(unit, count, lists, place, lapses)
        except Exception as error:  # noqa: BLE001 - as above: a count of our own may do
            log.warning("the charts of the %s are not taken over: %s", unit.window, error)
            return False
        return True

    async def _take_over(
        self, unit: Unit, count: Count, lists: Mapping[Of, pa.Table], place: int, lapses: int
    ) -> None:
        growth = growth_of(count.totals) if unit.compares else None
        boards = {of: Boards() for of in SOURCES[unit.source]}
        for of, answer in lists.items():
            boards[of] = await asyncio.to_thread(boards_of, answer, LENGTH, growth)
        await self.names.name(boards)
        unit.boards, unit.told, unit.totals = boards, count.told, count.totals
        unit.span, unit.seconds = Span.at(unit.window, count.at), count.took
        unit.place, unit.is_behind = place, self._lapses > lapses
        unit.until = self.looks.looked_at if unit.moves else count.looked_at
        moving = (unit.next_at - self.now()).total_seconds()
        self._plan(unit, count.at, count.took, min(COUNT, moving) if unit.moves else GLANCE)
        self._let_go()
        self.answers.clear()

    def _plan(self, unit: Unit, tried_at: datetime, took: float, pause: float) -> None:
        """When it is counted again: every process comes to the same, and the first of them does it."""
        unit.tried_at = tried_at
        over = self.seconds() - max(0.0, (self.now() - tried_at).total_seconds() - took)
        unit.due = over + max(pause, self._rest(unit, took))

    def _rest(self, unit: Unit, took: float) -> float:
        """For how long charts that take so long are left alone: each has its part of the share, and makes no other wait."""
        alike = sum(each.source == unit.source for each in self.units.values())
        return took * alike / SHARE[unit.source]

    def _soon(self, unit: Unit) -> float:
        """When charts may be counted anew that must be: all of the share is theirs."""
        return self.seconds() + unit.seconds / SHARE[unit.source]

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
            if not await self._take_in(self.looks.looked or 0.0, self.looks.due):
                await asyncio.sleep(AGAIN / 5)
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
            await asyncio.sleep(max(GLANCE / 2, (self.seconds() - began) / SHARE["listens"]))

    async def _keep_counting(self) -> None:
        while True:
            began = self.seconds()
            due = [unit for unit in self.units.values() if unit.due <= began]
            if not due or self.looks.looked is None or self._is_away or not await self._renew(due):
                await asyncio.sleep(GLANCE)
            elif all(unit.until for unit in self.units.values()):
                await asyncio.sleep(PAUSE * (self.seconds() - began))

    async def _renew(self, due: Sequence[Unit]) -> bool:
        """Take over what others have counted of these, or count the first where no other process counts; whether any was."""
        if any([await self.adopt(unit) for unit in due]):
            self._patience.begin_anew()
            return True
        unit = min(due, key=lambda each: each.due)
        with self.sharing.alone("counting") as is_alone:
            if not self._patience.ends(self.seconds(), is_alone=is_alone):
                return False
            if not await self.adopt(unit):
                await self._count_anew(unit, tells=is_alone)
            return True

    @property
    def nbytes(self) -> int:
        """What the lists and the log take in memory; names come on top."""
        lists = sum(boards.nbytes for unit in self.units.values() for boards in unit.boards.values())
        return lists + self.news.nbytes

    @property
    def entries(self) -> int:
        """How many places all lists have together."""
        return sum(boards.entries for unit in self.units.values() for boards in unit.boards.values())
