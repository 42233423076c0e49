"""A warehouse of its own with the listens, removals, ends and slates that a test puts in, and the answers over it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from foundation.engines.clickhouse import Client

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)  # a Wednesday
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Listen:
    """A row of listens."""

    listener: int
    song: int
    at: datetime
    ms: int = 180_000
    known_at: datetime | None = None  # None: at once
    is_private: bool = False
    country: str = "NL"
    source: str = "organic"
    slate: UUID | None = None
    play_id: UUID = field(default_factory=uuid4)

    @property
    def ingested_at(self) -> datetime:
        return self.known_at or self.at

    @property
    def row(self) -> dict[str, object]:
        return {
            "play_id": self.play_id,
            "listener_id": self.listener,
            "song_id": self.song,
            "listened_at": self.at,
            "played_ms": self.ms,
            "source": self.source,
            "origin": "",
            "slate_id": self.slate,
            "country": self.country,
            "is_private": self.is_private,
            "ingested_at": self.ingested_at,
        }


@dataclass(frozen=True)
class Town:
    """The warehouse. Song 101 is by artist 1, 102 by artist 2 and so on; genres go pop, jazz, none, by the song."""

    writer: Client
    reader_url: str

    def add_songs(self, songs: Iterable[int], artists: int = 100) -> None:
        rows = [
            {
                "song_id": song,
                "title": f"Song {song}",
                "artist_id": artist_of(song, artists),
                "artist": f"Artist {artist_of(song, artists)}",
                "genre": genre_of(song),
                "version": 1,
            }
            for song in songs
        ]
        self._insert("songs", rows)

    def add_listens(self, listens: Sequence[Listen]) -> None:
        """Twice, as a shipper does that never heard of its success: the token lets one through."""
        token = str(uuid4())
        for _ in range(2):
            self._insert("listens", [each.row for each in listens], token=token)

    def remove(self, *removed: tuple[Listen, datetime]) -> None:
        self._insert("removals", [{**listen.row, "removed_at": at} for listen, at in removed])

    def add_ends(
        self, song: int, ends: Sequence[tuple[int, str]], *, at: datetime, song_ms: int = 200_000
    ) -> None:
        """Plays of a song that ended after so many milliseconds, with what they came to."""
        rows = [
            {
                "play_id": uuid4(),
                "kind": "end",
                "listener_id": 1,
                "song_id": song,
                "started_at": at,
                "played_ms": played_ms,
                "song_ms": song_ms,
                "outcome": outcome,
                "source": "organic",
                "received_at": at,
            }
            for played_ms, outcome in ends
        ]
        self._insert("playback_events", rows)

    def serve(self, listener: int, songs: Sequence[int], *, at: datetime, policy: str) -> UUID:
        """A slate on the feed; its id."""
        slate = uuid4()
        rows = [
            {
                "slate_id": slate,
                "listener_id": listener,
                "served_at": at,
                "surface": "feed",
                "policy": policy,
                "position": position,
                "song_id": song,
            }
            for position, song in enumerate(songs, start=1)
        ]
        self._insert("impressions", rows)
        return slate

    def _insert(self, table: str, rows: Sequence[dict[str, object]], *, token: str | None = None) -> None:
        if rows:
            settings = {} if token is None else {"insert_deduplication_token": token}
            values = [list(row.values()) for row in rows]
            self.writer.insert(table, values, column_names=list(rows[0]), settings=settings)


def artist_of(song: int, artists: int = 100) -> int:
    return song % artists or artists


def genre_of(song: int) -> str:
    return ("pop", "jazz", "")[song % 3]
