"""Writes playlists as documents, and makes playlists of documents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from catalog_api.playlists.jspf import repository
from catalog_api.playlists.jspf.naming import address_of, external_id, normal, one_line, our_id
from catalog_api.playlists.jspf.schemas import (
    DocumentIn,
    DocumentOut,
    ImportedOut,
    ListOut,
    TrackIn,
    TrackOut,
    UnmatchedOut,
)
from catalog_api.playlists.schemas import PlaylistNew
from catalog_api.playlists.service import Playlists, WritingPlaylists
from foundation.engines.postgres import Reading
from foundation.ids import PlaylistId, UserId

UNNAMED = "Imported playlist"
LONGEST_NAME, LONGEST_PROSE = 200, 5_000


@dataclass(frozen=True, slots=True)
class Documents:
    """Playlists written as documents."""

    db: Reading

    async def of_playlist(self, asking: UserId | None, playlist_id: PlaylistId) -> DocumentOut:
        """The whole playlist. Raises PlaylistNotFound."""
        whole = await Playlists(self.db).whole(asking, playlist_id, limit=0)
        names: dict[int, list[str]] = {}
        for song_id, source, name in await repository.names_of(self.db, playlist_id):
            names.setdefault(song_id, []).append(address_of(source, name))
        tracks = [
            TrackOut(
                identifier=[f"urn:segue:song:{song.song_id}", *names.get(song.song_id, ())],
                title=song.title,
                creator=song.artist,
                album=song.album,
                duration=song.duration_ms,
                trackNum=song.track_number,
            )
            for song in await repository.tracks(self.db, playlist_id)
        ]
        playlist = whole.playlist
        return DocumentOut(
            playlist=ListOut(
                title=playlist.name,
                creator=whole.owner,
                annotation=playlist.description,
                identifier=f"urn:segue:playlist:{playlist.id}",
                date=playlist.updated_at,
                track=tracks,
            )
        )


@dataclass(frozen=True, slots=True)
class Imports:
    """Documents made into playlists."""

    playlists: WritingPlaylists

    async def take(self, asking: UserId, document: DocumentIn) -> ImportedOut:
        """A private playlist of the songs that the catalog has of those a document names. Raises ListenerNotFound."""
        told = document.playlist
        songs = await found(self.playlists.db, told.track)
        new = PlaylistNew(
            name=one_line(told.title or "", LONGEST_NAME) or UNNAMED,
            description=(told.annotation or "")[:LONGEST_PROSE],
            song_ids=[song_id for song_id in songs if song_id is not None],
        )
        unmatched = [
            UnmatchedOut(title=track.title, creator=track.creator)
            for track, song_id in zip(told.track, songs, strict=True)
            if song_id is None
        ]
        playlist = await self.playlists.make(asking, new)
        return ImportedOut(playlist=playlist, matched=len(told.track) - len(unmatched), unmatched=unmatched)


@dataclass(frozen=True, slots=True)
class Known:
    """The songs that may be meant, by everything that can name them."""

    titles: Mapping[int, str]  # of songs named by our own numbers
    external: Mapping[tuple[str, str], int]
    named: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def meant_by(self, track: TrackIn) -> int | None:
        """The song of a track: by the first URI that names one, else by title and creator."""
        for address in track.addresses():
            number = our_id(address)
            if number is not None and number in self.titles and _agrees(track, self.titles[number]):
                return number
            name = external_id(address)
            if name is not None and name in self.external:
                return self.external[name]
        return self.named.get((normal(track.title or ""), normal(track.creator or "")))


def _agrees(track: TrackIn, title: str) -> bool:
    """Another Segue has other songs under our numbers: where a document tells a title, it must be this one."""
    return not track.title or normal(track.title) == normal(title)


async def found(db: Reading, tracks: Sequence[TrackIn]) -> list[int | None]:
    """The song of each track, None where the catalog has none: four questions, however many the tracks."""
    addresses = {address for track in tracks for address in track.addresses()}
    numbers = {number for number in map(our_id, addresses) if number is not None}
    titles = {song.song_id: song.title for song in await repository.by_ids(db, numbers)} if numbers else {}
    external = await _external(db, filter(None, map(external_id, addresses)))
    known = Known(titles, external)
    rest = [track for track in tracks if known.meant_by(track) is None and track.title and track.creator]
    named: dict[tuple[str, str], int] = {}
    if rest:
        spellings = {" ".join((track.title or "").split()) for track in rest}
        artists = {" ".join((track.creator or "").split()) for track in rest}
        for song in await repository.by_names(db, spellings, artists):
            named.setdefault((normal(song.title), normal(song.artist)), song.song_id)
    known = Known(titles, external, named)
    return [known.meant_by(track) for track in tracks]


async def _external(db: Reading, names: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    by_source: dict[str, list[str]] = {}
    for source, name in names:
        by_source.setdefault(source, []).append(name)
    return {
        (source, name): song_id
        for source, listed in by_source.items()
        for name, song_id in (await repository.by_external_ids(db, source, listed)).items()
    }
