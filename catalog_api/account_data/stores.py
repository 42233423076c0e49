"""The port of a store that forgets people, and the two stores that the catalog itself looks after."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from catalog_api.account_data import pending
from catalog_api.accounts.service import PROFILE
from catalog_api.history_imports.files import key_of
from catalog_api.social.activities.copies import keys_of
from foundation.engines import postgres
from foundation.engines.blobs import Blobs
from foundation.engines.redis import Redis, reachable


@dataclass(frozen=True, slots=True)
class Person:
    """Whom to forget, and what goes with them."""

    listener_id: int
    songs: Sequence[int] = ()  # those of their own artists
    covers: Sequence[str] = ()  # of their albums
    others: Sequence[int] = ()  # whose follows, blocks and activities named them
    uploads: Sequence[str] = ()  # imports whose files were kept


class Store(Protocol):
    """A store that holds something of people. Both may be asked again at any time, and by two processes at once."""

    @property
    def name(self) -> str:
        """Under which receipts count what went."""

    def held(self, person: Person) -> Counter[str]:
        """How much it holds of a person, by kind."""

    def forget(self, people: Sequence[Person]) -> None:
        """Hold nothing of them any more when this returns."""


@dataclass(frozen=True, slots=True)
class PostgresAgain:
    """What may have come into the catalog after the account went: by the shipper's sink, or a request on its way."""

    url: str
    name: str = "postgres"

    def held(self, person: Person) -> Counter[str]:
        with postgres.connection(self.url, name="segue forgetting") as db:
            return pending.rows_left(db, person.listener_id)

    def forget(self, people: Sequence[Person]) -> None:
        with postgres.connection(self.url, name="segue forgetting") as db, db.transaction():
            for person in people:
                pending.remove_rows_left(db, person.listener_id)


@dataclass(frozen=True, slots=True)
class CacheEntries:
    """What requests keep of people in Redis. Answers about music and playlists were dropped with their rows."""

    redis: Redis
    name: str = "cache"

    def held(self, person: Person) -> Counter[str]:
        with reachable():
            pipeline = self.redis.pipeline(transaction=False)
            for key in (keys := _keys_of(person)):
                pipeline.exists(key)
            found = zip(keys, pipeline.execute(), strict=True)
        return Counter(entries=sum(int(is_there) for _, is_there in found))

    def forget(self, people: Sequence[Person]) -> None:
        with reachable():
            pipeline = self.redis.pipeline(transaction=False)
            for person in people:
                for key in _keys_of(person):
                    pipeline.unlink(key)
            pipeline.execute()


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """The images of the albums that went with their owner, and the histories that were sent and not imported yet."""

    blobs: Blobs
    name: str = "blobs"

    def held(self, person: Person) -> Counter[str]:
        return Counter(
            covers=sum(len(self.blobs.keys(f"covers/{cover}")) for cover in person.covers),
            uploads=sum(self.blobs.exists(key_of(UUID(each))) for each in person.uploads),
        )

    def forget(self, people: Sequence[Person]) -> None:
        for person in people:
            for key in (
                *(f"covers/{cover}" for cover in person.covers),
                *map(key_of, map(UUID, person.uploads)),
            ):
                self.blobs.delete(key)


def _keys_of(person: Person) -> list[str]:
    """The keys that name the person, and the copies of what others did, where it was about them."""
    own = [PROFILE.key(person.listener_id), f"user:{person.listener_id}:wrote"]
    return own + [key for each in (person.listener_id, *person.others) for key in keys_of(each)]
