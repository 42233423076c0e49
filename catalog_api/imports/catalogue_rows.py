"""A catalogue's side in Postgres: every artist, album, song and genre that it names gets a row and an id, in bulk."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import psycopg

from catalog_api.imports import repository
from catalog_api.imports.catalogue import ALBUMS, GENRES, SONGS, Part
from foundation.contracts.history import ARTISTS

_KINDS = {
    "artists": tuple(ARTISTS),
    "albums": tuple(ALBUMS),
    "songs": tuple(SONGS),
    "genres": tuple(GENRES),
}


@dataclass(frozen=True, slots=True)
class Made:
    """How many rows of each kind are new, and of how many something was filled in that was not known."""

    new: Counter[str]
    completed: Counter[str]


def number_all(db: psycopg.Connection, part: Part, now: datetime) -> Made:
    """Give everything that the part names its row and id, where new.

    What the catalog knows already is never overwritten, only completed. Inside the caller's transaction; the tables
    told_genres, told_artists, told_albums and told_songs live as long.
    """
    for kind, columns in _KINDS.items():
        repository.tell(db, f"told_{kind}", columns, getattr(part, kind))
    db.execute("ALTER TABLE told_artists ADD COLUMN is_named boolean NOT NULL DEFAULT false")
    for kind in _KINDS:
        repository.run(db, f"catalogue_{kind}", part.source, now)
    return Made(_counted(db, "is_new"), _counted(db, "is_changed AND NOT is_new"))


def _counted(db: psycopg.Connection, which: str) -> Counter[str]:
    asked = ", ".join(f"(SELECT count(*) FROM told_{kind} WHERE {which})" for kind in _KINDS)  # noqa: S608 - our own words
    row = db.execute(f"SELECT {asked}".encode()).fetchone()
    return Counter(dict(zip(_KINDS, row or (), strict=True)))
