"""The report on what was listened to: songs, genres and countries, and what rose."""

from collections.abc import Mapping

import polars as pl

from pipelines.context import Schema
from pipelines.reports import plots
from pipelines.reports.report import Kind, Number, Report, Section, Stretch, Table, counted, percent, share

_SONG: Schema = dict.fromkeys(("title", "artist", "genre"), pl.String)
_COUNTS: Schema = dict.fromkeys(("listens", "listeners"), pl.Int64)
SCHEMAS: Mapping[str, Schema] = {
    "trending_songs": {
        "song_id": pl.Int64,
        **_SONG,
        **_COUNTS,
        "busiest_share": pl.Float64,
        "before": pl.Int64,
    },
    "trending_days": {"day": pl.Date, "genre": pl.String, "listens": pl.Int64},
    "trending_countries": {"country": pl.String, **_COUNTS},
}
_NAMED: Mapping[str, tuple[str, Kind]] = {
    "title": ("Song", "text"),
    "artist": ("Artist", "text"),
    "genre": ("Genre", "text"),
}
GENRES = 7  # that have a colour of their own; the rest is "other"
SMOOTH = (
    20  # listens added on both sides before a song is said to have risen, so that three plays are no trend
)


def build(frames: Mapping[str, pl.DataFrame], stretch: Stretch) -> Report:
    """The report, from the rows of the queries in `SCHEMAS`."""
    songs, days, countries = (frames[name] for name in SCHEMAS)
    listens, before = int(songs["listens"].sum()), int(songs["before"].sum())
    risen = rising(songs)
    return Report(
        name="trending",
        title="What was listened to",
        about=f"Changes are against the {stretch.days} days before.",
        stretch=stretch,
        numbers=(
            Number(counted(listens), "listens"),
            Number(counted(songs.height), "songs heard"),
            Number(f"{100 * (listens - before) / before:+,.0f} %" if before else "–", "against before"),
            Number(percent(share(int(songs.head(100)["listens"].sum()), listens)), "went to the top 100"),
        ),
        sections=(
            Section("Listens a day", "By genre, the largest ones.", _by_genre(days)),
            Section(
                "Most listened to",
                "Where one account makes up much of a song's listens, its share says so.",
                _top(songs),
                Table(
                    "songs",
                    songs.with_columns(change=_change(pl.col("listens"), pl.col("before"))),
                    {
                        **_NAMED,
                        "listens": ("Listens", "number"),
                        "listeners": ("Listeners", "number"),
                        "busiest_share": ("Busiest account", "share"),
                        "change": ("Change", "change"),
                    },
                ),
            ),
            Section(
                "Rising",
                f"By (listens + {SMOOTH}) / (listens before + {SMOOTH}): a song needs an audience to rise.",
                "",
                Table(
                    "rising",
                    risen,
                    {
                        **_NAMED,
                        "before": ("Before", "number"),
                        "listens": ("Listens", "number"),
                        "listeners": ("Listeners", "number"),
                    },
                    shown=15,
                ),
            ),
            Section(
                "Where",
                "By the country of the listener at the time; empty where it is not known.",
                "",
                Table(
                    "countries",
                    countries.with_columns(share=pl.col("listens") / max(listens, 1)),
                    {
                        "country": ("Country", "text"),
                        "listens": ("Listens", "number"),
                        "share": ("Share", "share"),
                        "listeners": ("Listeners", "number"),
                    },
                    shown=15,
                ),
            ),
        ),
    )


def rising(songs: pl.DataFrame) -> pl.DataFrame:
    """The songs with more listens than before, the most risen first."""
    rise = (pl.col("listens") + SMOOTH) / (pl.col("before") + SMOOTH)
    return (
        songs.with_columns(rise=rise)
        .filter(pl.col("listens") > pl.col("before"))
        .sort("rise", "listens", "song_id", descending=[True, True, False])
    )


def _change(now: pl.Expr, before: pl.Expr) -> pl.Expr:
    return pl.when(before > 0).then((now - before) / before)


def _top(songs: pl.DataFrame) -> str:
    top = songs.head(12)
    if top.is_empty():
        return ""
    labels = [f"{title} — {artist}" for title, artist in top.select("title", "artist").iter_rows()]
    return plots.bars("top songs", labels, {"listens": top["listens"].to_list()})


def _by_genre(days: pl.DataFrame) -> str:
    if days.is_empty():
        return ""
    named = days.with_columns(
        pl.when(pl.col("genre") == "").then(pl.lit("none known")).otherwise("genre").alias("genre")
    )
    largest = (
        named.group_by("genre")
        .agg(pl.col("listens").sum())
        .sort("listens", "genre", descending=[True, False])
    )
    shown = largest["genre"].head(GENRES).to_list()
    grouped = (
        named.with_columns(
            pl.when(pl.col("genre").is_in(shown)).then("genre").otherwise(pl.lit("other")).alias("genre")
        )
        .group_by("day", "genre")
        .agg(pl.col("listens").sum())
    )
    wide = grouped.pivot("genre", index="day", values="listens").sort("day").fill_null(0)
    order = [*shown, *(["other"] if "other" in wide.columns else [])]
    return plots.stacked("genres", wide["day"].to_list(), {genre: wide[genre].to_list() for genre in order})
