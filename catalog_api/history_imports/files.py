"""The files that listeners send, as blobs: whichever machine does the import finds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO
from uuid import UUID

import anyio

from foundation.engines.blobs import Blobs
from foundation.errors import Unreachable

FOLDER = "history_imports"


@dataclass(frozen=True, slots=True)
class Files:
    """Each is kept under the id of its import."""

    blobs: Blobs

    async def keep(self, import_id: UUID, file: IO[bytes]) -> None:
        """Keep a copy of an open file. Raises Unreachable."""
        with _answering():
            await anyio.to_thread.run_sync(self.blobs.put, key_of(import_id), file)

    async def drop(self, import_id: UUID) -> None:
        """Forget one that is not needed after all."""
        await anyio.to_thread.run_sync(self.blobs.delete, key_of(import_id))

    def fetch(self, import_id: UUID, path: Path) -> None:
        """Write one to `path`. Raises BlobMissing, Unreachable."""
        with _answering():
            self.blobs.fetch(key_of(import_id), path)

    def remove(self, import_id: UUID) -> None:
        """Forget one; it may be gone already."""
        self.blobs.delete(key_of(import_id))

    def kept(self) -> list[UUID]:
        """The imports whose files are here."""
        return [UUID(key.rpartition("/")[2]) for key in self.blobs.keys(FOLDER)]


def key_of(import_id: UUID) -> str:
    """The key of the blob."""
    return f"{FOLDER}/{import_id}"


def made_at(import_id: UUID) -> datetime:
    """When an id was made, which it tells (UUID version 7).

    >>> from foundation.ids import new_id
    >>> made_at(new_id(datetime(2026, 3, 1, 12, tzinfo=UTC))).isoformat()
    '2026-03-01T12:00:00+00:00'
    """
    return datetime.fromtimestamp((import_id.int >> 80) / 1000, UTC)


@contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unreachable(f"the store of files does not answer: {error.strerror}", engine="blobs") from error
