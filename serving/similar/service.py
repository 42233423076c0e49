"""Which songs are like a song: by listening where it has been heard, else by its words; or what is played beside it."""

from dataclasses import dataclass, field

import numpy as np

from foundation.contracts.tables import SongVectors
from foundation.engines.vectors.port import EXACT_UP_TO, UnknownVersion, Vectors
from foundation.ids import ArtistId, SongId
from models.bundle import Bundle
from models.embeddings import NAME as TEXT_MODEL
from models.interactions import positions
from serving.bundle import COLLECTION, LiveBundle
from serving.recommend.recommender import Recommender
from serving.similar.errors import NothingPublished, UnknownArtist, UnknownSong
from serving.similar.neighbours import ArtistSpaces, Lengths, closest
from serving.similar.schemas import By, SimilarArtist, SimilarArtists, SimilarSong, SimilarSongs

WALKED = (
    100  # candidates from a large index, which finds by inner product: the cosine then puts them in order
)


@dataclass(frozen=True, slots=True)
class Similar:
    """Answers from one published version a request: the bundle in memory, and the vectors of the same version."""

    live: LiveBundle[Recommender]
    vectors: Vectors
    lengths: Lengths = field(default_factory=Lengths)
    artists: ArtistSpaces = field(default_factory=ArtistSpaces)
    exact_up_to: int = EXACT_UP_TO

    def to(self, song: SongId, limit: int, by: By | None = None) -> SimilarSongs:
        """The `limit` songs most like this one. Raises UnknownSong and NothingPublished.

        Nobody may have listened to a song: by listening it is like none.
        """
        recommender = self.live.current
        if recommender is None:
            raise NothingPublished("nothing has been published yet: run ./segue job --all")
        bundle, names = recommender.bundle, recommender.names
        place = int(positions(bundle.song_ids, np.array([song], np.int64))[0])
        if place < 0:
            raise UnknownSong(song, bundle.version)
        if by is None:
            by = "listening" if bundle.song_factors[place].any() else "text"
        try:
            match by:
                case "text":
                    found = self._by_text(bundle, song, limit)
                case "sessions":
                    near = bundle.together.around(np.array([place]))
                    found = [(int(one), float(weight)) for one, weight in zip(*near, strict=True)][:limit]
                case _:
                    found = self._by_listening(bundle, place, limit)
        except UnknownVersion as error:
            raise NothingPublished(f"version {bundle.version} was just replaced: ask again") from error
        return SimilarSongs(
            song_id=song,
            title=names.titles[place],
            artist=names.artists[place],
            by=by,
            model=TEXT_MODEL if by == "text" else bundle.model,
            version=bundle.version,
            items=tuple(
                SimilarSong(
                    rank,
                    names.song_ids[near],
                    names.titles[near],
                    names.artist_ids[near],
                    names.artists[near],
                    names.genres[near],
                    round(score, 6),
                )
                for rank, (near, score) in enumerate(found, start=1)
            ),
        )

    def to_artist(self, artist: ArtistId, limit: int) -> SimilarArtists:
        """The `limit` artists to whom the same people listen. Raises UnknownArtist and NothingPublished."""
        recommender = self.live.current
        if recommender is None:
            raise NothingPublished("nothing has been published yet: run ./segue job --all")
        bundle, names = recommender.bundle, recommender.names
        space = self.artists.of(bundle, recommender.facts.artists)
        place = int(positions(space.artist_ids, np.array([artist], np.int64))[0])
        if place < 0:
            raise UnknownArtist(artist, bundle.version)
        found = zip(*closest(space.factors, space.lengths, place, limit), strict=True)
        return SimilarArtists(
            artist_id=artist,
            artist=names.artists[int(space.songs[place])],
            model=bundle.model,
            version=bundle.version,
            items=tuple(
                SimilarArtist(
                    rank,
                    int(space.artist_ids[near]),
                    names.artists[int(space.songs[near])],
                    round(float(cosine), 6),
                )
                for rank, (near, cosine) in enumerate(found, start=1)
            ),
        )

    def _by_listening(self, bundle: Bundle, place: int, limit: int) -> list[tuple[int, float]]:
        """Positions and cosines of the nearest by factors; exact in memory unless there are too many songs."""
        if not bundle.song_factors[place].any():
            return []
        among = None
        if len(bundle.song_ids) > self.exact_up_to:
            near = self._asked(bundle, int(bundle.song_ids[place]), max(limit, WALKED), SongVectors.als)
            among = np.sort(np.array([there for there, _ in near], np.int64))
        places, cosines = closest(bundle.song_factors, self.lengths.of(bundle), place, limit, among)
        return list(zip(places.tolist(), cosines.tolist(), strict=True))

    def _by_text(self, bundle: Bundle, song: SongId, limit: int) -> list[tuple[int, float]]:
        """Positions and cosines of the nearest by words; text vectors have length 1."""
        return self._asked(bundle, song, limit, SongVectors.text)

    def _asked(self, bundle: Bundle, song: int, limit: int, name: str) -> list[tuple[int, float]]:
        found = self.vectors.nearest(COLLECTION, song, limit, name=name, version=bundle.version)
        places = positions(bundle.song_ids, np.array([neighbour.id for neighbour in found], np.int64))
        scores = [neighbour.score for neighbour in found]
        return [pair for pair in zip(places.tolist(), scores, strict=True) if pair[0] >= 0]
