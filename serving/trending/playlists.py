"""Which playlists everyone may see now, and what they are called: the catalog's knowledge, which serving has no copy of."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from foundation.ids import UserId


class PublicPlaylist(NamedTuple):
    """A playlist that everyone may see."""

    name: str
    owner_id: int
    owner: str


class PublicPlaylists(Protocol):
    """Who knows it. The gateway brings it."""

    async def public_among(self, playlist_ids: Sequence[int], /) -> Mapping[int, PublicPlaylist]:
        """Those of these that are public at this moment, by id. Raises Unreachable."""


class EveryonesPlaylists(PublicPlaylists, Protocol):
    """The same before it is known who looks."""

    def seen_by(self, viewer: UserId, /) -> PublicPlaylists:
        """But for those of listeners who block the viewer or whom the viewer blocks."""
