"""What an import would do, without doing it: which rows are new, and which songs the catalog has already."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from catalog_api.imports.matching.matches import Matches, matches_in
from catalog_api.imports.warehouse import Warehouse, without_held_plays
from foundation.contracts.history import History
from foundation.engines import postgres

EXAMPLES = 5
_HOW = {
    "known": "told by this source before",
    "exact": "with the same names in the catalog",
    "alike": "with names alike by {threshold:.2f} or more",
    "near": "with names alike by less: new songs",
    "new": "not in the catalog: new songs",
}


@dataclass(frozen=True, slots=True)
class Preview:
    """The rows of a history that hold, by what their songs are in the catalog."""

    history: History
    matches: Matches
    rows: dict[str, tuple[int, int]]  # by how a song was matched: rows, songs
    fresh: int  # rows that are not here yet, where they are plays

    @property
    def near_threshold(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The songs that were matched by the least, and those that missed it by the least; the closest first."""
        columns = ("score", "artist", "title", "catalog_artist", "catalog_title", "song_id")
        sides = (("alike", False), ("near", True))
        songs = self.matches.songs
        above, below = (
            songs.filter(pl.col("how") == how)
            .sort("score", "external_id", descending=[descending, False])
            .head(EXAMPLES)
            .select(columns)
            .to_dicts()
            for how, descending in sides
        )
        return above, below

    def lines(self) -> list[str]:
        """The preview as people read it."""
        history, threshold = self.history, self.matches.threshold
        rows = sum(rows for rows, _ in self.rows.values())
        told = f"{history.artists.height:,} artists, {history.songs.height:,} songs, {rows:,} rows that hold"
        lines = [f"{history.source}: {history.listeners.height:,} listeners, {told}"]
        if history.plays.height:
            lines.append(f"  {self.fresh:>12,} plays are not here yet")
        for how, meaning in _HOW.items():
            number, songs = self.rows[how]
            lines.append(f"  {number:>12,} rows of {songs:,} songs {meaning.format(threshold=threshold)}")
        above, below = self.near_threshold
        for title, examples in (("  matched by the least:", above), ("  missed by the least:", below)):
            lines += [title] if examples else []
            lines += [_example(one) for one in examples]
        lines.append(f"  refused   {history.refused.total():>12,}")
        lines += [f"            {number:>12,} {reason}" for reason, number in history.refused.most_common()]
        lines += [f"  {note}" for note in history.notes]
        return [
            *lines,
            "  nothing was written; with --match, rows join the songs that have the same names or names alike enough",
        ]

    def as_dict(self) -> dict[str, Any]:
        """The preview for programs, with every song that was matched by similar names, or nearly so."""
        songs = self.matches.songs.filter(pl.col("how").is_in(["alike", "near"]))
        return {
            "source": self.history.source,
            "threshold": self.matches.threshold,
            "new_plays": self.fresh,
            "refused": dict(self.history.refused),
            "notes": list(self.history.notes),
            "matched": {how: {"rows": rows, "songs": songs} for how, (rows, songs) in self.rows.items()},
            "alike": songs.sort("score", "external_id", descending=[True, False]).to_dicts(),
        }


def preview(history: History, postgres_url: str, warehouse: Warehouse, threshold: float) -> Preview:
    """What importing the history would do. Raises Unreachable."""
    with postgres.connection(postgres_url, name="segue preview") as db:
        matches = matches_in(db, history, threshold)
    songs = pl.concat([history.plays["song_external_id"], history.counts["song_external_id"]]).alias(
        "external_id"
    )
    told = matches.songs.select("external_id", "how").join(songs.value_counts(), on="external_id", how="left")
    by_how = {
        how: (rows, number)
        for how, rows, number in told.group_by("how").agg(pl.col("count").sum(), pl.len()).rows()
    }
    fresh = without_held_plays(history.plays.unique("play_id"), warehouse).height
    return Preview(history, matches, {how: by_how.get(how, (0, 0)) for how in _HOW}, fresh)


def _example(told: dict[str, Any]) -> str:
    ours = f"{told['catalog_artist']}: {told['catalog_title']}"
    return f"    {told['score']:.2f}  {told['artist']}: {told['title']}  ~  {ours}"
