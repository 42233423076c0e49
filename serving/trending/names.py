"""What the songs and artists of the charts are called, in memory; asked for when they come in, and again later."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from serving.trending.boards import Boards
from serving.trending.counting import Counting
from serving.trending.moves import Moved
from serving.trending.schemas import Of

AGAIN = 600.0  # seconds after which a name is asked for again: songs and artists are renamed
ROOM = 100_000  # songs that may be named besides those that are listed


class Named(NamedTuple):
    """A song as the catalog last told of it."""

    title: str
    artist_id: int
    artist: str
    genre: str


NAMELESS = Named("", 0, "", "")


@dataclass(slots=True)
class Names:
    """Those of all charts of a process."""

    counting: Counting
    seconds: Callable[[], float] = time.monotonic
    songs: dict[int, Named] = field(default_factory=dict)
    artists: dict[int, str] = field(default_factory=dict)
    _asked_at: float = 0.0
    _most: int = ROOM

    async def name(self, boards: Mapping[Of, Boards]) -> None:
        """Ask what those are called who are listed and have no name yet."""
        if "songs" in boards:
            await self.name_songs(boards["songs"].ids.tolist())
        if "artists" in boards:
            unnamed = sorted(set(boards["artists"].ids.tolist()) - self.artists.keys())
            rows = await self.counting.artists(unnamed)
            self.artists |= {row["artist_id"]: row["artist"] for row in rows}

    async def name_songs(self, songs: Iterable[int]) -> None:
        """Ask for those that have no name yet, and every ten minutes for all; songs gone from the catalog have none."""
        wanted = set(songs)
        if self.seconds() - self._asked_at > AGAIN:
            self._asked_at = self.seconds()
            wanted |= self.songs.keys()
        else:
            wanted -= self.songs.keys()
        rows = await self.counting.songs(sorted(wanted))
        for gone in wanted - {row["song_id"] for row in rows}:
            self.songs.pop(gone, None)
        for row in rows:
            self.songs[row["song_id"]] = Named(row["title"], row["artist_id"], row["artist"], row["genre"])
            self.artists[row["artist_id"]] = row["artist"]

    @property
    def are_many(self) -> bool:
        """Whether there are so many that those no longer listed should go."""
        return len(self.songs) > self._most

    def forget_all_but(self, held: Iterable[Mapping[Of, Boards]], moved: Moved) -> None:
        """Keep the names of what is listed and of what lately moved."""
        lists = [boards for boards in held if boards]
        songs = {song for boards in lists for song in boards["songs"].ids.tolist()}
        artists = {artist for boards in lists for artist in boards["artists"].ids.tolist()}
        songs, artists = songs | set(moved.songs.tolist()), artists | set(moved.artists.tolist())
        self.songs = {song: name for song, name in self.songs.items() if song in songs}
        self.artists = {artist: name for artist, name in self.artists.items() if artist in artists}
        self._most = 2 * len(self.songs) + ROOM
