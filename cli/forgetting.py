"""Wires what removes deleted accounts to every store of the platform."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from catalog_api.account_data.forgetting import Forgetting
from catalog_api.account_data.stores import CacheEntries, OwnFiles, Person, PostgresAgain
from event_log import forget as warehouse
from feature_store import forget as features
from foundation.engines import clickhouse
from foundation.engines.blobs import Blobs, open_blobs
from foundation.engines.redis import Redis, open_redis
from foundation.engines.vectors import open_vectors
from foundation.settings import Settings

if TYPE_CHECKING:
    from pipelines.forgetting import Gone


def forgetting(settings: Settings) -> Forgetting:
    """For connected settings; the shipper's process runs it in a thread."""
    engines = settings.engines
    redis, blobs = open_redis(engines.redis), open_blobs(engines.blobs)
    stores = (
        PostgresAgain(engines.postgres),
        CacheEntries(redis),
        Features(redis),
        Warehouse(engines.clickhouse),
        Models(settings, blobs),
        OwnFiles(blobs),
    )
    return Forgetting(engines.postgres, settings.log_dir, stores)


@dataclass(frozen=True, slots=True)
class Features:
    """The online features."""

    redis: Redis
    name: str = "features"

    def held(self, person: Person) -> Counter[str]:
        return features.held(self.redis, person.listener_id, person.others)

    def forget(self, people: Sequence[Person]) -> None:
        for person in people:
            features.forget(self.redis, person.listener_id, person.others)


@dataclass(frozen=True, slots=True)
class Warehouse:
    """The tables of ClickHouse."""

    url: str
    name: str = "clickhouse"

    def held(self, person: Person) -> Counter[str]:
        with self._opened() as client:
            return warehouse.held(client, person.listener_id, person.songs)

    def forget(self, people: Sequence[Person]) -> None:
        with self._opened() as client:
            warehouse.forget(client, *_ids(people))

    @contextmanager
    def _opened(self) -> Iterator[clickhouse.Client]:
        """A client of its own, which costs milliseconds: people are deleted seldom."""
        client = clickhouse.open_clickhouse(self.url)
        try:
            with clickhouse.reachable():
                yield client
        finally:
            client.close()


@dataclass(frozen=True, slots=True)
class Models:
    """What the jobs wrote and what serves. Libraries of jobs are loaded when the first person is deleted, not before."""

    settings: Settings
    blobs: Blobs
    name: str = "models"

    def held(self, person: Person) -> Counter[str]:
        from pipelines import forgetting as models

        return models.held(self.blobs, open_vectors(self.settings.engines.vectors), _gone([person]))

    def forget(self, people: Sequence[Person]) -> None:
        from pipelines import forgetting as models
        from pipelines.context import open_context

        with open_context(self.settings) as context:
            models.forget(context, _gone(people))


def _gone(people: Sequence[Person]) -> "Gone":
    from pipelines.forgetting import Gone

    return Gone.of(*_ids(people))


def _ids(people: Sequence[Person]) -> tuple[list[int], list[int]]:
    """Of all of them and of all their songs."""
    listeners = [person.listener_id for person in people]
    return listeners, list(chain.from_iterable(person.songs for person in people))
