"""Finds things by other sources' ids, and keeps those ids unique."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog_api.external_ids import repository
from catalog_api.external_ids.errors import ExternalIdTaken, ExternalIdUnknown
from catalog_api.external_ids.schemas import Kind, KnownAs
from foundation.engines.postgres import Reading, Writing


@dataclass(frozen=True, slots=True)
class ExternalIds:
    """The external ids of songs, artists and albums; those of listeners are nobody's business."""

    db: Reading

    async def known_as(self, kind: Kind, source: str, external_id: str) -> KnownAs:
        """What the id stands for. Raises ExternalIdUnknown."""
        found = await repository.id_of(self.db, kind, source, external_id)
        if found is None:
            raise ExternalIdUnknown(kind, source, external_id)
        return KnownAs.of(kind, found, source=source, external_id=external_id)


async def keep(db: Writing, kind: Kind, number: int, told: Mapping[str, str | None]) -> None:
    """Give it these ids, one of each source; None takes one away. Raises ExternalIdTaken."""
    for source, external_id in sorted(told.items()):  # in one order, so that nobody waits in a circle
        if external_id is None:
            await repository.unname(db, kind, number, source)
        elif not await repository.name(db, kind, number, source, external_id):
            raise ExternalIdTaken(kind, source, external_id)
