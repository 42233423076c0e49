"""How a request names songs, artists and genres, and what these names stand for in the published version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.errors import Problem
from models.arrays import Positions
from serving.recommend.asking import Seeds
from serving.recommend.history import NOTHING, position
from serving.recommend.recommender import Recommender

_ID, _WORDS = "[1-9][0-9]{0,17}", "[^\\x00-\\x1f\\x7f-\\x9f]{1,200}"
SONGS = f"^song:{_ID}$"
THINGS = f"^((song|artist):{_ID}|genre:{_WORDS})$"
SEEDS = f"^((song|artist):{_ID}|(genre|text):{_WORDS})$"
OF_ARTIST, OF_GENRE, OF_TEXT = 15, 40, 20  # songs that stand for a seed

NearestInWords = Callable[[str], Sequence[int]]  # of a text, the ids of the songs whose words are nearest


class UnknownSeed(Problem):
    """What a list shall be like is not in the published version."""

    status, title = 404, "There is nothing of this name to be like"


@dataclass(frozen=True, slots=True)
class Named:
    """A song, artist, genre or text."""

    kind: str
    id: int = 0  # of a song or an artist
    words: str = ""  # of a genre or a text

    @classmethod
    def of(cls, name: str) -> "Named":
        """What `kind:value` names, which is as SEEDS says.

        >>> Named.of("song:7"), Named.of("genre:Drum and Bass")
        (Named(kind='song', id=7, words=''), Named(kind='genre', id=0, words='drum and bass'))
        """
        kind, _, value = name.partition(":")
        if kind in ("song", "artist"):
            return cls(kind, int(value))
        return cls(kind, words=value.strip().lower() if kind == "genre" else value.strip())


def places_of(recommender: Recommender, named: Sequence[Named]) -> Positions:
    """The songs that are meant, all of an artist and all of a genre; what the version does not have is left out."""
    found = [_all_of(recommender, each) for each in named]
    return np.concatenate(found) if found else NOTHING


def seeds_of(recommender: Recommender, named: Sequence[Named], in_words: NearestInWords) -> Seeds:
    """What a list shall be like. Raises UnknownSeed."""
    places, names = [], []
    for each in named:
        some, name = _some_of(recommender, each, in_words)
        if not len(some):
            raise UnknownSeed(
                f"the published version has no {each.kind} {each.words or each.id}", kind=each.kind
            )
        places.append(some)
        names.append(name)
    unique, first = np.unique(np.concatenate(places), return_index=True)
    return Seeds(unique[np.argsort(first, kind="stable")], ", ".join(names))


def _all_of(recommender: Recommender, named: Named) -> Positions:
    facts = recommender.facts
    match named.kind:
        case "artist":
            return facts.by_artist.of_value(named.id)
        case "genre":
            return facts.of_genre(named.words)
        case _:
            place = position(recommender.bundle.song_ids, named.id)
            return NOTHING if place is None else np.array([place], np.int64)


def _some_of(recommender: Recommender, named: Named, in_words: NearestInWords) -> tuple[Positions, str]:
    names = recommender.names
    if named.kind == "text":
        ids = np.array(in_words(named.words), np.int64)[:OF_TEXT]
        places = [
            place
            for song in ids.tolist()
            if (place := position(recommender.bundle.song_ids, song)) is not None
        ]
        return np.array(places, np.int64), f"“{named.words}”"
    songs = _all_of(recommender, named)[: {"artist": OF_ARTIST, "genre": OF_GENRE}.get(named.kind, 1)]
    if not len(songs) or named.kind == "genre":
        return songs, named.words
    first = int(songs[0])
    return songs, names.artists[
        first
    ] if named.kind == "artist" else f"{names.titles[first]} by {names.artists[first]}"
