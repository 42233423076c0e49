"""What an API process says about itself every second: what it serves, and how busy its pool is."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from foundation import metrics
from foundation.clock import Clock
from foundation.engines.postgres import Postgres
from foundation.engines.postgres_metrics import measure_pool
from serving.bundle import LiveBundle
from serving.recommend.recommender import Recommender

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds


@dataclass(slots=True)
class Watch:
    """Looks at the process, and writes down what it sees."""

    live: LiveBundle[Recommender]
    postgres: Postgres
    tell: Sequence[Callable[[], None]]  # what was counted in memory, to the metrics
    now: Clock
    _told: str | None = field(default=None)

    def look(self) -> None:
        for tell in self.tell:
            tell()
        measure_pool(self.postgres)
        served = self.live.current
        if served is None:
            return
        version = served.bundle.version
        if version != self._told:
            if self._told is not None:
                metrics.bundle_info.labels(self._told).set(0)
            metrics.bundle_info.labels(version).set(1)
            self._told = version
        metrics.bundle_age.set((self.now() - served.bundle.trained_until).total_seconds())


@asynccontextmanager
async def watching(look: Callable[[], None], every: float = EVERY) -> AsyncIterator[None]:
    """Look again and again while the block runs, and once at its end; a failed look is told, and changes nothing."""

    async def again() -> None:
        while True:
            _looked(look)
            await asyncio.sleep(every)

    task = asyncio.create_task(again(), name="watch")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        _looked(look)


def _looked(look: Callable[[], None]) -> None:
    try:
        look()
    except Exception:
        log.exception("the process cannot say how it is")
