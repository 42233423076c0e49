"""A small catalog to test with: a listener, an artist, an album and songs, made as an import makes them."""

from datetime import UTC, date, datetime

import polars as pl

from catalog_api.imports import repository
from foundation.contracts.history import ARTISTS, LISTENERS, SONGS, History
from foundation.engines import postgres

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = "town"


def town() -> History:
    """Ann, who listens to Queen: one song with everything known, one with nothing."""
    return History(
        source=SOURCE,
        listeners=pl.DataFrame([("ann", "NZ")], schema=LISTENERS, orient="row"),
        artists=pl.DataFrame([("q", "Queen", "GB")], schema=ARTISTS, orient="row"),
        songs=pl.DataFrame(
            [
                (
                    "s1",
                    "q",
                    "Bohemian Rhapsody",
                    "A Night at the Opera",
                    "rock",
                    354_320,
                    date(1975, 10, 31),
                ),
                ("s2", "q", "Unfinished", "", "", None, None),
            ],
            schema=SONGS,
            orient="row",
        ),
    )


def settle(url: str, history: History, now: datetime = NOW) -> repository.Numbered:
    """Bring the names of a history into the catalog, and only those."""
    with postgres.connection(url) as db, db.transaction():
        return repository.number_all(db, history, now)
