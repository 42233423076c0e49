"""How a request names songs, artists and genres, and what these names stand for in the published version."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from foundation.errors import Problem
from foundation.ids import BIGGEST_ID
from models.arrays import Positions
from serving.recommend.asking import Seeds
from serving.recommend.history import NOTHING, position
from serving.recommend.recommender import Recommender

KINDS = ("song", "artist", "genre", "text")
OF_ARTIST, OF_GENRE, OF_TEXT = 15, 40, 20  # songs that stand for a seed
LONGEST = 200  # characters

NearestInWords = Callable[[str], Sequence[int]]  # of a text, the ids of the songs whose words are nearest


class BadName(Problem):
    """A seed, an exclusion or a context that is not named as it must be."""

    status, title = 422, "This does not name a song, an artist, a genre or a text"


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
    def of(cls, name: str, allowed: Sequence[str] = KINDS) -> "Named":
        """What `kind:value` names. Raises BadName.

        >>> Named.of("song:7"), Named.of("genre:Drum and Bass")
        (Named(kind='song', id=7, words=''), Named(kind='genre', id=0, words='drum and bass'))
        """
        kind, _, value = name.partition(":")
        value = value.strip()
        if kind not in allowed or not value or len(value) > LONGEST:
            raise BadName(f"{name[:LONGEST]!r} is not one of {', '.join(f'{each}:…' for each in allowed)}")
        if kind in ("genre", "text"):
            if not value.isprintable():
                raise BadName(f"a {kind} is printable text")
            return cls(kind, words=value.lower() if kind == "genre" else value)
        if not (value.isascii() and value.isdigit() and 1 <= int(value) <= BIGGEST_ID):
            raise BadName(f"the id of a {kind} is a number above 0, not {value!r}")
        return cls(kind, int(value))


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
