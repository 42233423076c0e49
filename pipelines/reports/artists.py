"""The report on artists: who was listened to, how listens are spread over artists, and where songs are left."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from pipelines.context import Schema
from pipelines.reports import plots
from pipelines.reports.report import Number, Report, Section, Stretch, Table, counted, percent, share

_COUNTS = ("listens", "listeners", "new_listeners", "returning_listeners")
SCHEMAS: Mapping[str, Schema] = {
    "artists": {"artist_id": pl.Int64, "artist": pl.String, **dict.fromkeys(_COUNTS, pl.Int64)},
    "artist_ends": dict.fromkeys(("artist_id", "ends", "completed", "skipped"), pl.Int64),
    "exits": {"tenth": pl.Int64, "outcome": pl.String, "exits": pl.Int64},
}
OUTCOMES = {
    "skip_early": "skipped before 30 s",
    "skip_late": "skipped later",
    "completed": "completed",
    "unknown": "unknown",
}
TENTHS = 10


def build(frames: Mapping[str, pl.DataFrame], stretch: Stretch) -> Report:
    """The report, from the rows of the queries in `SCHEMAS`."""
    exits = frames["exits"]
    skips = pl.col("skipped") / (pl.col("skipped") + pl.col("completed"))
    artists = (
        frames["artists"]
        .join(frames["artist_ends"], on="artist_id", how="left")
        .with_columns(
            skip_rate=pl.when(pl.col("skipped") + pl.col("completed") > 0).then(skips),
            new_share=pl.col("new_listeners") / pl.col("listeners"),
        )
    )
    counts = artists["listens"].to_numpy()
    skipped = int(exits.filter(pl.col("outcome").str.starts_with("skip"))["exits"].sum())
    known = int(exits.filter(pl.col("outcome") != "unknown")["exits"].sum())
    return Report(
        name="artists",
        title="Artists and their listeners",
        about="Private sessions are counted, without anyone's name.",
        stretch=stretch,
        numbers=(
            Number(counted(artists.height), "artists heard"),
            Number(percent(top_share(counts, 0.1)), "of listens went to the top tenth"),
            Number(f"{gini(counts):.2f}", "Gini coefficient", "0: all alike, 1: one has all"),
            Number(percent(share(skipped, known)), "of plays were skipped"),
        ),
        sections=(
            Section(
                "Most listened to",
                "New listeners had never listened to the artist before.",
                _top(artists),
                Table(
                    "artists",
                    artists,
                    {
                        "artist": ("Artist", "text"),
                        "listens": ("Listens", "number"),
                        "listeners": ("Listeners", "number"),
                        "new_share": ("New", "share"),
                        "skip_rate": ("Skipped", "share"),
                    },
                ),
            ),
            Section(
                "How listens are spread",
                "The share of listens that goes to the most listened artists; the dashed line is what equality would be.",
                _spread(counts),
            ),
            Section(
                "Where songs are left",
                "Plays by the tenth of the song in which they ended, those too short to count as a listen among them. Ends are counted as they are known now.",
                _exits(exits),
                Table(
                    "exits",
                    exits,
                    {
                        "tenth": ("Tenth", "number"),
                        "outcome": ("Outcome", "text"),
                        "exits": ("Plays", "number"),
                    },
                    shown=0,
                ),
            ),
        ),
    )


def gini(counts: "np.typing.NDArray[np.int64]") -> float:
    """How unequal counts are.

        G = sum((2 i - n - 1) x_i) / (n sum(x)),  x ascending, i = 1..n

    >>> gini(np.array([3, 3, 3])), gini(np.array([0, 0, 0, 8]))
    (0.0, 0.75)
    """
    x = np.sort(np.asarray(counts, dtype=np.float64))
    n, total = len(x), float(x.sum())
    return float(((2 * np.arange(1, n + 1) - n - 1) * x).sum() / (n * total)) if total else 0.0


def top_share(counts: "np.typing.NDArray[np.int64]", part: float) -> float | None:
    """The share that goes to the largest `part` of them, rounded up to a whole one.

    >>> top_share(np.array([70, 20, 10]), 1 / 3)
    0.7
    """
    largest = np.sort(counts)[::-1][: int(np.ceil(part * len(counts)))]
    return share(float(largest.sum()), float(counts.sum()))


def _top(artists: pl.DataFrame) -> str:
    top = artists.head(12)
    if top.is_empty():
        return ""
    of = {
        "returning listeners": top["returning_listeners"].to_list(),
        "new listeners": top["new_listeners"].to_list(),
    }
    return plots.parts("top artists", top["artist"].to_list(), of)


def _spread(counts: "np.typing.NDArray[np.int64]") -> str:
    if not counts.sum():
        return ""
    summed = np.concatenate([[0.0], np.cumsum(np.sort(counts)[::-1]) / counts.sum()])
    places = np.linspace(0, 1, len(summed))
    return plots.curve(
        "spread",
        places.tolist(),
        summed.tolist(),
        below="of the artists, the most heard first",
        beside="of the listens",
    )


def _exits(exits: pl.DataFrame) -> str:
    if exits.is_empty():
        return ""
    counted_ = {(tenth, outcome): each for tenth, outcome, each in exits.iter_rows()}
    of = {
        label: [counted_.get((tenth, outcome), 0) for tenth in range(TENTHS)]
        for outcome, label in OUTCOMES.items()
        if (exits["outcome"] == outcome).any()
    }
    labels = [f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(TENTHS)]
    return plots.columns("exits", labels, of, below="of the song had been played")
