"""Asks the things a service depends on whether they answer: at the same time, not for long, and not too often."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dependency:
    """One of them: by which name it is reported, and how it is asked. An exception means that it is down."""

    name: str
    ask: Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Report:
    """Who answered."""

    members: Mapping[str, bool]

    @property
    def down(self) -> list[str]:
        return [name for name, answers in self.members.items() if not answers]

    def body(self) -> dict[str, object]:
        """
        >>> Report({"database": True, "cache": False}).body()
        {'status': 'unhealthy', 'database': True, 'cache': False, 'down': ['cache']}
        """
        status = {"status": "unhealthy" if self.down else "healthy"}
        return status | dict(self.members) | ({"down": self.down} if self.down else {})


class Health:
    """The last report, made anew when it is older than `remembered` seconds: asking often costs the stores nothing."""

    def __init__(
        self,
        dependencies: Sequence[Dependency],
        *,
        patience: float = 1.0,
        remembered: float = 1.0,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._dependencies = dependencies
        self._patience, self._remembered, self._seconds = patience, remembered, seconds
        self._asking: dict[str, asyncio.Task[None]] = {}  # those that have not answered yet
        self._reporting: asyncio.Task[Report] | None = None
        self._made_at = float("-inf")
        self._was_down: set[str] = set()

    async def report(self) -> Report:
        """Everyone who asks at once waits for the same answers."""
        if self._reporting is None or (
            self._reporting.done() and self._seconds() - self._made_at >= self._remembered
        ):
            self._reporting = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._reporting)

    async def close(self) -> None:
        """Wait for nobody any more."""
        waiting = [*self._asking.values(), *([self._reporting] if self._reporting else [])]
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _ask_all(self) -> Report:
        answers = await asyncio.gather(*(self._answers(each) for each in self._dependencies))
        names = [each.name for each in self._dependencies]
        self._made_at = self._seconds()
        return Report(dict(zip(names, answers, strict=True)))

    async def _answers(self, dependency: Dependency) -> bool:
        """Whether it answers in time. One that still owes an answer is asked no second time."""
        asking = self._asking.get(dependency.name)
        if asking is None:
            asking = asyncio.create_task(_asked(dependency))
            self._asking[dependency.name] = asking
        await asyncio.wait({asking}, timeout=self._patience)
        why: object = f"no answer within {self._patience:g} s"
        if asking.done():
            del self._asking[dependency.name]
            why = asking.exception()
        self._tell(dependency.name, why)
        return why is None

    def _tell(self, name: str, why: object) -> None:
        """In the log, when it changes: why is for us, not for everyone who may ask."""
        if why is not None and name not in self._was_down:
            self._was_down.add(name)
            log.warning("%s is down: %s", name, why)
        elif why is None and name in self._was_down:
            self._was_down.discard(name)
            log.warning("%s answers again", name)


async def _asked(dependency: Dependency) -> None:
    await dependency.ask()
