"""Gives listeners their own listening history."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from catalog_api.history import repository
from catalog_api.history.errors import ListenNotFound
from catalog_api.history.schemas import HeardArtist, HeardOut
from catalog_api.outbox.repository import tell
from foundation.clock import Clock
from foundation.contracts.events import ListenRemoved
from foundation.engines.postgres import Reading, Writing
from foundation.http.pages import Cursor, Stretch, not_ours, sealed, stretch
from foundation.ids import UserId

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class History:
    """What listeners listened to, without the plays of private sessions."""

    db: Reading

    async def newest_of(
        self, listener: UserId, part: Cursor, *, since: datetime | None, until: datetime | None
    ) -> Stretch[HeardOut]:
        """A part of a listener's history, newest first, from `since` on and before `until`. Raises InvalidRequest."""
        found = await repository.newest_of(
            self.db, listener, part.limit + 1, since=since, until=until, after=_behind(part)
        )
        listens = [
            HeardOut(
                song_id=heard.song_id,
                title=heard.title,
                artist=None
                if heard.artist is None
                else HeardArtist(artist_id=heard.artist_id, name=heard.artist),
                played_at=heard.played_at,
                played_ms=heard.played_ms,
                source=heard.source,
                play_id=heard.play_id,
            )
            for heard in found
        ]
        return stretch(listens, part.limit, _cursor(listens[: part.limit]))


@dataclass(frozen=True, slots=True)
class HistoryEditor:
    """Takes listens out of a listener's history, and so out of all that is counted of it."""

    db: Writing
    now: Clock

    async def remove(self, listener: UserId, play_id: UUID) -> None:
        """Take one out. Raises ListenNotFound, also where it is somebody else's."""
        gone = await repository.remove(self.db, listener, play_id)
        if gone is None:
            raise ListenNotFound(play_id)
        await repository.lower_play_count(self.db, gone.song_id)
        removed = ListenRemoved(
            play_id=play_id,
            listener_id=listener,
            song_id=gone.song_id,
            started_at=gone.played_at,
            removed_at=self.now(),
        )
        await tell(self.db, removed)


def _cursor(listens: list[HeardOut]) -> str:
    """Where to go on behind the last of these: its microsecond, and its id, since two may begin in the same one."""
    if not listens:
        return ""
    return sealed((listens[-1].played_at - EPOCH) // MICROSECOND, listens[-1].play_id.hex)


def _behind(part: Cursor) -> tuple[datetime, UUID] | None:
    match part.after:
        case ():
            return None
        case (int() as microseconds, str() as play_id):
            try:
                return EPOCH + microseconds * MICROSECOND, UUID(hex=play_id)
            except (ValueError, OverflowError) as error:
                raise not_ours() from error
        case _:
            raise not_ours()
