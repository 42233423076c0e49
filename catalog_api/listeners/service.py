"""Who a listener is, for those who know an id."""

from dataclasses import dataclass

from catalog_api.listeners import repository
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.listeners.tables import User
from foundation.engines.postgres import Reading
from foundation.ids import UserId


@dataclass(frozen=True, slots=True)
class Listeners:
    """The listeners of the catalog."""

    db: Reading

    async def by_id(self, listener_id: UserId) -> User:
        """The listener of this id. Raises ListenerNotFound."""
        found = await repository.by_id(self.db, listener_id)
        if found is None:
            raise ListenerNotFound(f"nobody has the id {listener_id}", user_id=listener_id)
        return found

    async def by_external_id(self, source: str, external_id: str) -> User:
        """The listener whom `source` calls so. Raises ListenerNotFound, which names the sources there are."""
        found = await repository.by_external_id(self.db, source, external_id)
        if found is None:
            sources = ", ".join(await repository.sources(self.db)) or "none yet"
            detail = (
                f"the source {source} names no listener {external_id!r}; sources with listeners: {sources}"
            )
            raise ListenerNotFound(detail, source=source, external_id=external_id)
        return found
