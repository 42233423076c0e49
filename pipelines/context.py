"""What a job works with: the engines it reads and writes, the moment it works for, and whom it tells its progress."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from foundation.clock import Clock, utc_now
from foundation.engines import clickhouse
from foundation.engines.blobs import Blobs, open_blobs
from foundation.engines.clickhouse import Client
from foundation.engines.redis import Redis, open_redis
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Vectors
from foundation.errors import Problem
from foundation.settings import Settings, connected
from models.als.training import Parameters
from models.registry import Registry, open_registry

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
Progress = Callable[[str, float], None]  # what is being done, and which part of it is done, 0 to 1


class NothingHeard(Problem):
    """There is not one listen to learn from."""

    status, title = 409, "Nothing has been listened to yet"


class InputMissing(Problem):
    """The job before this one has not run."""

    status, title = 409, "An input of this job is missing"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a job says of its run."""

    version: str
    changed: bool  # False: what it writes was there already
    summary: str


def silent(_step: str, _part: float) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Context:
    """Everything outside that a job may touch."""

    clickhouse: Client  # of the user who may only read
    blobs: Blobs
    blobs_url: str
    vectors: Vectors
    redis: Redis
    registry: Callable[[], Registry]  # opened at the first call: MLflow takes seconds to load
    at: datetime  # a job sees what was known at this moment
    now: Clock = utc_now
    progress: Progress = silent
    listeners: Sequence[int] | None = None  # whom a job is about that can do some; None: everyone
    als: Parameters = field(default_factory=Parameters)

    def frame(self, sql: Path, schema: Schema, **parameters: object) -> pl.DataFrame:
        """What the query in a file answers, as the columns of `schema`. Raises Unreachable."""
        with clickhouse.reachable():
            table = self.clickhouse.query_arrow(sql.read_text(), parameters=parameters)
        answer = pl.DataFrame(table)
        return answer.select(pl.col(name).cast(kind) for name, kind in schema.items())

    @property
    def at_ms(self) -> int:
        """The moment as queries take it: milliseconds since 1970."""
        return int(self.at.timestamp() * 1000)


@contextmanager
def open_context(
    settings: Settings,
    *,
    at: datetime | None = None,
    progress: Progress = silent,
    listeners: Sequence[int] | None = None,
) -> Iterator[Context]:
    """The context of these settings, closed at the end. Raises NotRunning when an embedded engine is not up."""
    engines = connected(settings).engines
    blobs = open_blobs(engines.blobs)
    blobs_url = engines.blobs.split("?")[0].rstrip("/")
    opened: list[Registry] = []

    def registry() -> Registry:
        if not opened:
            opened.append(open_registry(engines.postgres, blobs, blobs_url))
        return opened[0]

    client, redis = clickhouse.open_clickhouse_reader(engines.clickhouse_reader), open_redis(engines.redis)
    try:
        yield Context(
            clickhouse=client,
            blobs=blobs,
            blobs_url=blobs_url,
            vectors=open_vectors(engines.vectors),
            redis=redis,
            registry=registry,
            at=at or utc_now(),
            progress=progress,
            listeners=listeners,
        )
    finally:
        client.close()
        redis.close()
