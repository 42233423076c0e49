"""A listener's whole history as ListenBrainz takes it: JSON with one listen a line, the oldest first.

It is read a page at a time, each in a transaction of its own: no client, however slow, holds a connection, and a page is
all that is in memory. What is listened to after it began is not in it.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from catalog_api.history import repository
from catalog_api.history.repository import Kept
from foundation.engines.postgres import Postgres
from foundation.ids import UserId

PAGE = 2_000  # listens
CLIENT = "Segue"


@dataclass(frozen=True, slots=True)
class HistoryExport:
    """Writes such files. Listens to songs that the catalog has no more have no names, and are left out."""

    postgres: Postgres

    async def pieces_of(self, listener: UserId, until: datetime) -> AsyncIterator[bytes]:
        """Whole lines, some at a time, of the listens before `until`. Raises Unreachable."""
        after = None
        while True:
            async with self.postgres.reading() as db:
                page = await repository.oldest_of(db, listener, PAGE, until=until, after=after)
            if page:
                yield b"".join(_line(kept) for kept in page if kept.title is not None)
            if len(page) < PAGE:
                return
            after = page[-1].played_at, page[-1].play_id


def _line(kept: Kept) -> bytes:
    """
    >>> from uuid import UUID
    >>> at = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
    >>> line = orjson.loads(_line(Kept(UUID(int=7), at, 45_000, "Innuendo", "Queen", None, 394_000)))
    >>> line["listened_at"], line["track_metadata"]["additional_info"]["segue_played_at"]
    (1772366400, '2026-03-01T12:00:00.250Z')
    """
    at = kept.played_at.astimezone(UTC)
    beside: dict[str, Any] = {
        "media_player": CLIENT,
        "submission_client": CLIENT,
        "duration_played": kept.played_ms // 1000,
        # What ListenBrainz has no field for: with it an import here finds the same play again.
        "segue_play_id": str(kept.play_id),
        "segue_played_at": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
        "segue_played_ms": kept.played_ms,
    }
    if kept.song_ms is not None:
        beside["duration_ms"] = kept.song_ms
    metadata: dict[str, Any] = {
        "artist_name": kept.artist,
        "track_name": kept.title,
        "additional_info": beside,
    }
    if kept.album:
        metadata["release_name"] = kept.album
    listen = {"listened_at": int(at.timestamp()), "track_metadata": metadata}
    return orjson.dumps(listen, option=orjson.OPT_APPEND_NEWLINE)
