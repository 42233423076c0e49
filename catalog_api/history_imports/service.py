"""Takes orders for imports, tells how far they are, and forgets them."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from catalog_api.history_imports import repository
from catalog_api.history_imports.errors import HistoryImportNotFound, TooManyHistoryImports
from catalog_api.history_imports.files import Files
from catalog_api.history_imports.schemas import HistoryImportOut
from catalog_api.history_imports.tables import HistoryImport
from catalog_api.listeners.errors import ListenerNotFound
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch, not_ours, sealed, stretch
from foundation.ids import UserId


@dataclass(slots=True)
class Sent:
    """A file that is kept, and the id under which."""

    import_id: UUID
    name: str
    size: int
    digest: bytes
    is_taken: bool = False  # whether there is an import of it


@dataclass(frozen=True, slots=True)
class HistoryImports:
    """A listener's imports."""

    db: Reading

    async def of(self, user_id: UserId, import_id: UUID) -> HistoryImportOut:
        """How far one is. Raises HistoryImportNotFound, also where it is somebody else's."""
        found = await repository.find(self.db, user_id, import_id)
        if found is None:
            raise HistoryImportNotFound(import_id)
        return HistoryImportOut.of(found)

    async def newest_of(self, user_id: UserId, part: Cursor) -> Stretch[HistoryImportOut]:
        """A part of them, the newest first. Raises InvalidRequest."""
        found = await repository.newest_of(self.db, user_id, part.limit + 1, _before(part))
        told = [HistoryImportOut.of(each) for each in found]
        last = told[: part.limit]
        return stretch(told, part.limit, sealed(last[-1].import_id.hex) if last else "")


@dataclass(frozen=True, slots=True)
class HistoryImporting:
    """Begins and ends them."""

    db: Writing
    files: Files
    now: Clock
    waiting: int  # of one listener at once

    async def begin(
        self, user_id: UserId, sent: Sent, *, is_preview: bool, threshold: float
    ) -> HistoryImportOut:
        """Order an import of a file that is kept. Raises ListenerNotFound, TooManyHistoryImports."""
        if not await repository.has_listener(self.db, user_id):
            raise ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)
        if await repository.unfinished(self.db, user_id) >= self.waiting:
            raise TooManyHistoryImports(
                f"{self.waiting} of your imports are not over: wait for one, or cancel it", limit=self.waiting
            )
        asked = HistoryImport(
            id=sent.import_id,
            user_id=user_id,
            name=sent.name,
            size=sent.size,
            digest=sent.digest,
            is_preview=is_preview,
            threshold=threshold,
            status="waiting",
            asked_at=self.now(),
        )
        begun = await repository.add(self.db, asked)
        sent.is_taken = True
        return HistoryImportOut.of(begun)

    async def remove(self, user_id: UserId, import_id: UUID) -> None:
        """Forget one and its file, and end it where it is not over: what it has brought in stays. Raises HistoryImportNotFound.

        Whoever does it notices that it is gone. A file that is not removed now is removed as one that nobody needs.
        """
        if not await repository.remove(self.db, user_id, import_id):
            raise HistoryImportNotFound(import_id)
        self.db.after_commit(partial(self.files.drop, import_id))


def _before(part: Cursor) -> UUID | None:
    match part.after:
        case ():
            return None
        case (str() as import_id,):
            try:
                return UUID(hex=import_id)
            except ValueError as error:
                raise not_ours() from error
        case _:
            raise not_ours()
