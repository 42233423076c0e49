"""Remembers what plays take from their listeners: their country, and whether their session is private."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import NamedTuple

from catalog_api.playback import repository
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.ids import UserId

PATIENCE = timedelta(milliseconds=250)  # with Postgres; then what is known from before must do
LONGER = timedelta(seconds=2)  # where nothing is: a busy moment of this process is no reason to refuse a play


class Listener(NamedTuple):
    """What every event of a listener carries."""

    country: str = ""  # ISO 3166-1 alpha-2, "" where unknown
    is_private: bool = False


UNKNOWN = Listener()  # nobody has this id


@dataclass(slots=True)
class ListenersPlaying:
    """The listeners whose plays this process takes: a play of a known one asks Postgres nothing.

    A change of a profile or of preferences is heard (`hear`), and while nothing can be heard asked for every second.
    While Postgres is away the last that was known holds; whose preferences may have changed since counts as private until
    it tells. Of whom nothing is known no play is taken: said to be private it would be lost to their history, said not to
    be it might betray them. Their client tells it again.
    """

    postgres: Postgres
    seconds: Callable[[], float] = time.monotonic
    remembered: float = 300.0  # seconds
    unheard: float = 1.0  # seconds while nobody tells us of changes, or Postgres is away
    room: int = 200_000  # listeners; who has not played for longest goes first
    is_hearing: bool = False
    _known: OrderedDict[UserId, tuple[float, Listener]] = field(default_factory=OrderedDict)
    _asking: dict[UserId, "asyncio.Task[Listener]"] = field(
        default_factory=dict
    )  # unless a change overtook it
    _running: set["asyncio.Task[Listener]"] = field(default_factory=set)  # the event loop keeps none alive

    async def of(self, listener: UserId) -> Listener:
        """What is known of a listener, within PATIENCE. Raises Unreachable where nothing is, and Postgres away for LONGER."""
        if (held := self.held(listener)) is not None:
            return held
        known = self._known.get(listener)
        asking = self._asking.get(listener)
        if asking is None:
            asking = self._asking[listener] = asyncio.create_task(self._ask(listener))
            self._running.add(asking)
            asking.add_done_callback(partial(self._asked, listener))
        patience = LONGER if known is None else PATIENCE
        await asyncio.wait({asking}, timeout=patience.total_seconds())
        if asking.done() and not asking.cancelled() and asking.exception() is None:
            return asking.result()
        if known is None:
            raise Unreachable("Postgres does not answer: whose play it is cannot be told", engine="postgres")
        if self._known.get(listener) is known:
            self._remember(listener, known[1], self.unheard)  # only one play in a while waits for Postgres
        return known[1]

    def held(self, listener: UserId) -> Listener | None:
        """What is known of a listener and needs no asking."""
        known = self._known.get(listener)
        if known is None or known[0] <= self.seconds():
            return None
        self._known.move_to_end(listener)
        return known[1]

    def hear(self, message: str) -> None:
        """Take a message of the channel `cache`: keys, of which those of profiles concern us."""
        for key in message.split():
            kind, _, rest = key.partition(":")
            number, _, what = rest.partition(":")
            if kind == "user" and what == "profile" and number.isdecimal():
                self.forget(UserId(int(number)))

    def forget(self, listener: UserId) -> None:
        """Ask anew at the next play; until Postgres answers, they are where they were, and private."""
        self._asking.pop(listener, None)
        if (known := self._known.get(listener)) is not None:
            self._known[listener] = (0.0, known[1]._replace(is_private=True))

    def begin_hearing(self) -> None:
        """From now on we are told of every change; what changed meanwhile we were not."""
        self._doubt_all()
        self.is_hearing = True

    def end_hearing(self) -> None:
        self._doubt_all()
        self.is_hearing = False

    def _doubt_all(self) -> None:
        self._asking.clear()
        for listener, (_, known) in list(self._known.items()):
            self._known[listener] = (0.0, known)

    async def _ask(self, listener: UserId) -> Listener:
        async with self.postgres.reading() as db:
            found = await repository.country_and_privacy_of(db, listener)
        told = UNKNOWN if found is None else Listener(*found)
        if self._asking.get(listener) is asyncio.current_task():
            self._remember(listener, told, self.remembered if self.is_hearing else self.unheard)
        return told

    def _asked(self, listener: UserId, task: "asyncio.Task[Listener]") -> None:
        self._running.discard(task)
        if self._asking.get(listener) is task:
            del self._asking[listener]
        if not task.cancelled():
            task.exception()  # that Postgres is away is no news to who waited

    def _remember(self, listener: UserId, told: Listener, seconds: float) -> None:
        self._known[listener] = (self.seconds() + seconds, told)
        self._known.move_to_end(listener)
        if len(self._known) > self.room:
            self._known.popitem(last=False)
