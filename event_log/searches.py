"""Notes what people search for: the one function that an endpoint which searches calls with what it found."""

import unicodedata
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from event_log.log import EventLog
from foundation.clock import Clock
from foundation.contracts.events import SearchMade
from foundation.errors import Unreachable
from foundation.http.country import told_country
from foundation.ids import UserId, new_id

LONGEST = 100  # characters of a query that are kept
Kind: TypeAlias = Literal["songs", "artists", "albums", "playlists", "all"]
"""Among what was searched."""


class Standing(Protocol):
    """What is known of a listener."""

    @property
    def country(self) -> str:
        """ISO 3166-1 alpha-2, "" where unknown."""

    @property
    def is_private(self) -> bool:
        """Whether their session is private."""


class Listeners(Protocol):
    """Who knows it."""

    def of(self, listener: UserId, /) -> Awaitable[Standing]:
        """Raises Unreachable where nothing is known of them and nobody can be asked."""


@dataclass(frozen=True, slots=True)
class Searches:
    """Searches go the way of slates: appended without waiting, and left out where the log has no room."""

    listeners: Listeners
    log: EventLog
    now: Clock

    async def made(
        self, listener: UserId | None, query: str, kind: Kind, results: int, *, country: str | None = None
    ) -> bool:
        """Note a search and what it found; `country` is where the edge saw the request come from, if it says so.

        Returns whether it is noted. An empty query is not, and none of a private session, or of which nobody can tell whether
        it is one.
        """
        text = normal(query)
        if not text:
            return False
        home = ""
        if listener is not None:
            try:
                known = await self.listeners.of(listener)
            except Unreachable:
                return False
            if known.is_private:
                return False
            home = known.country
        at = self.now()
        search = SearchMade(
            search_id=new_id(at),
            listener_id=listener or 0,
            query=text,
            kind=kind,
            results=results,
            searched_at=at,
            country=told_country(country) or home,
        )
        return self.log.tell([search])


def normal(query: str) -> str:
    """A query as charts compare it: one case, one form of each letter (NFKC), single spaces, and not too long.

    >>> normal("  Bohemian   RHAPSODY "), normal("Ａｂｂａ\\u0000"), len(normal("x" * 500))
    ('bohemian rhapsody', 'abba', 100)
    """
    told = unicodedata.normalize("NFKC", query).casefold()
    words = "".join(each if each.isprintable() else " " for each in told).split()
    return " ".join(words)[:LONGEST].rstrip()
