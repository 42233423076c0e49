"""What the songs, artists and albums of the charts are called, in memory; asked for when they come in, and again later."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

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
    album_id: int  # 0: none
    genre: str


class Album(NamedTuple):
    """An album as its songs tell of it."""

    title: str
    artist_id: int
    artist: str


NAMELESS, UNTITLED = Named("", 0, "", 0, ""), Album("", 0, "")


@dataclass(slots=True)
class Names:
    """Those of all charts of a process. Playlists have none here: who asks for them hears what is public then."""

    counting: Counting
    seconds: Callable[[], float] = time.monotonic
    songs: dict[int, Named] = field(default_factory=dict)
    artists: dict[int, str] = field(default_factory=dict)
    albums: dict[int, Album] = field(default_factory=dict)
    _asked_at: float = 0.0
    _most: int = ROOM

    async def name(self, boards: Mapping[Of, Boards]) -> None:
        """Ask what those are called who are listed and have no name yet."""
        if "songs" in boards:
            await self.name_songs(boards["songs"].ids.tolist())
        if "artists" in boards:
            for row in await self._unnamed("artists", boards, self.artists):
                self.artists[row["artist_id"]] = row["artist"]
        if "albums" in boards:
            for row in await self._unnamed("albums", boards, self.albums):
                self.albums[row["album_id"]] = Album(row["album"], row["artist_id"], row["artist"])

    async def _unnamed(
        self, of: Of, boards: Mapping[Of, Boards], named: Mapping[int, Any]
    ) -> list[dict[str, Any]]:
        return await self.counting.named(of, sorted(set(boards[of].ids.tolist()) - named.keys()))

    async def name_songs(self, songs: Iterable[int]) -> None:
        """Ask for those that have no name yet, and every ten minutes for all; songs gone from the catalog have none."""
        wanted = set(songs)
        if self.seconds() - self._asked_at > AGAIN:
            self._asked_at = self.seconds()
            wanted |= self.songs.keys()
        else:
            wanted -= self.songs.keys()
        rows = await self.counting.named("songs", sorted(wanted))
        for gone in wanted - {row["song_id"] for row in rows}:
            self.songs.pop(gone, None)
        for row in rows:
            song = self.songs[row["song_id"]] = Named(
                row["title"], row["artist_id"], row["artist"], row["album_id"], row["genre"]
            )
            self.artists[song.artist_id] = song.artist
            if song.album_id:
                self.albums[song.album_id] = Album(row["album"], song.artist_id, song.artist)

    @property
    def are_many(self) -> bool:
        """Whether there are so many that those no longer listed should go."""
        return len(self.songs) > self._most

    def forget_all_but(self, held: Iterable[Mapping[Of, Boards]], moved: Moved) -> None:
        """Keep the names of what is listed and of what lately moved."""
        lists = [boards for boards in held if "songs" in boards]

        def kept(of: Of) -> set[int]:
            listed = {each for boards in lists for each in boards[of].ids.tolist()}
            return listed | set(moved.of(of).tolist())

        songs, artists, albums = kept("songs"), kept("artists"), kept("albums")
        self.songs = {song: name for song, name in self.songs.items() if song in songs}
        self.artists = {artist: name for artist, name in self.artists.items() if artist in artists}
        self.albums = {album: name for album, name in self.albums.items() if album in albums}
        self._most = 2 * len(self.songs) + ROOM
