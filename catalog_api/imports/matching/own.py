"""What of somebody's own history the catalog has: the plays that can be theirs, and what is told of the others."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
import psycopg

from catalog_api.imports.matching import repository
from catalog_api.imports.matching.matches import matches_in
from foundation.contracts.history import History
from foundation.ids import UserId

SHOWN = 20  # songs that the catalog does not have
BARELY = 5  # songs that the threshold just let pass
MEANT = ("known", "exact", "alike")  # songs of the catalog
HOW = (*MEANT, "near", "new")


@dataclass(frozen=True, slots=True)
class Own:
    """A history of one person, by what its songs are in the catalog."""

    history: History
    songs: pl.DataFrame  # as MATCHED
    plays: pl.DataFrame  # of songs that the catalog has, each once: PLAYS with listener_id, song_id, song_ms and the country of the profile

    @classmethod
    def of(cls, db: psycopg.Connection, history: History, account: UserId, threshold: float) -> "Own":
        """As the catalog is now; nothing is written. Raises NoThreshold."""
        told = matches_in(db, history, threshold).songs
        is_meant = pl.col("how").is_in(MEANT)
        there = repository.lengths_of(db, told.filter(is_meant)["song_id"].unique())
        # What a source has told before may be gone by now.
        is_gone = is_meant & ~pl.col("song_id").is_in(there["song_id"].implode())
        songs = told.with_columns(
            pl.when(is_gone).then(pl.lit("new")).otherwise("how").alias("how"),
            pl.when(~is_gone).then("song_id").alias("song_id"),
        )
        meant = songs.filter(is_meant).select("external_id", "song_id").join(there, on="song_id")
        plays = (
            history.plays.unique("play_id", keep="first")
            .join(meant, left_on="song_external_id", right_on="external_id")
            .with_columns(
                pl.lit(account).cast(pl.UInt64).alias("listener_id"),
                pl.col("song_id").cast(pl.UInt64),
                pl.lit(repository.country_of(db, account)).alias("country"),
            )
            .sort("play_id")
        )
        return cls(history, songs, plays)

    def told(self, accepted: int) -> dict[str, Any]:
        """What became of the rows, of which so many were not here, as JSON has it; the numbers add up to `rows`."""
        counted = self.songs.join(
            self.history.plays["song_external_id"].value_counts(name="rows"),
            left_on="external_id",
            right_on="song_external_id",
            how="left",
        ).with_columns(pl.col("rows").fill_null(0))
        held = self.history.plays.height
        matched = counted.filter(pl.col("how").is_in(MEANT))["rows"].sum()
        refused = self.history.refused
        by_how = {
            how: {"songs": songs, "rows": rows}
            for how, songs, rows in counted.group_by("how").agg(pl.len(), pl.col("rows").sum()).iter_rows()
        }
        left_out = counted.filter(~pl.col("how").is_in(MEANT)).sort(
            "rows", "external_id", descending=[True, False]
        )
        barely = counted.filter(pl.col("how") == "alike").sort("score", "external_id")
        return {
            "source": self.history.source,
            "rows": held + refused.total(),
            "accepted": accepted,
            "duplicate": matched - accepted,
            "unmatched": held - matched,
            "refused": refused.total(),
            "refused_because": dict(refused.most_common()),
            "songs": {how: by_how.get(how, {"songs": 0, "rows": 0}) for how in HOW},
            "unmatched_songs": [_song(each) for each in _dicts(left_out.head(SHOWN))],
            "matched_by_least": [_song(each) for each in _dicts(barely.head(BARELY))],
            "notes": list(self.history.notes),
        }


def _dicts(songs: pl.DataFrame) -> Iterable[dict[str, Any]]:
    return songs.iter_rows(named=True)


def _song(told: dict[str, Any]) -> dict[str, Any]:
    closest = None
    if told["song_id"] is not None:
        closest = {
            "song_id": told["song_id"],
            "artist": told["catalog_artist"],
            "title": told["catalog_title"],
            "score": round(told["score"], 4),
        }
    return {"artist": told["artist"], "title": told["title"], "rows": told["rows"], "closest": closest}
