"""The report on recommendations: what each policy served, what came of it, and how much of the catalogue it showed."""

from collections.abc import Mapping

import polars as pl

from pipelines.context import Schema
from pipelines.reports import plots
from pipelines.reports.report import Number, Report, Section, Stretch, Table, counted, percent, share

_SERVED: Schema = {"surface": pl.String, "policy": pl.String}
SCHEMAS: Mapping[str, Schema] = {
    "funnel": {**_SERVED, **dict.fromkeys(("slates", "impressions", "plays", "listens"), pl.Int64)},
    "coverage": {
        **_SERVED,
        **dict.fromkeys(("catalogue_songs", "songs", "impressions", "tail_impressions"), pl.Int64),
    },
    "positions": {
        "policy": pl.String,
        **dict.fromkeys(("position", "impressions", "listens"), pl.Int64),
    },
}
Z = 1.96  # of a 95 % interval


def build(frames: Mapping[str, pl.DataFrame], stretch: Stretch) -> Report:
    """The report, from the rows of the queries in `SCHEMAS`."""
    coverage = frames["coverage"].with_columns(
        coverage=pl.col("songs") / pl.col("catalogue_songs"),
        tail_share=pl.col("tail_impressions") / pl.col("impressions"),
    )
    funnel = of_policies(frames["funnel"], coverage)
    whole = coverage.filter(pl.col("policy") == "")
    shown, listened = int(funnel["impressions"].sum()), int(funnel["listens"].sum())
    return Report(
        name="recommendations",
        title="What recommendations came to",
        about="Plays and listens of private sessions are not counted.",
        stretch=stretch,
        numbers=(
            Number(counted(shown), "songs served"),
            Number(percent(share(listened, shown)), "of them listened to"),
            Number(_of(whole, "coverage"), "of the catalogue served"),
            Number(
                _of(whole, "tail_share"), "of impressions to the long tail", "beyond the most heard fifth"
            ),
        ),
        sections=(
            Section(
                "From a slate to a listen",
                "Served, then played, then listened to for 30 s or half of it, with the 95 % interval of that share "
                "(Wilson). Slates are not drawn at random: compare policies of one surface only.",
                _funnel(funnel),
                Table(
                    "funnel",
                    funnel,
                    {
                        "surface": ("Surface", "text"),
                        "policy": ("Policy", "text"),
                        "slates": ("Slates", "number"),
                        "impressions": ("Songs served", "number"),
                        "plays": ("Played", "number"),
                        "listens": ("Listened to", "number"),
                        "listen_rate": ("Share", "share"),
                        "low": ("from", "share"),
                        "high": ("to", "share"),
                    },
                ),
            ),
            Section(
                "By place on the slate",
                "The share of songs served at a place that were listened to.",
                _positions(frames["positions"]),
                Table(
                    "positions",
                    frames["positions"].with_columns(share=pl.col("listens") / pl.col("impressions")),
                    {
                        "policy": ("Policy", "text"),
                        "position": ("Place", "number"),
                        "share": ("Share", "share"),
                    },
                    shown=0,
                ),
            ),
            Section(
                "How much of the catalogue",
                "The long tail is every song beyond the most listened fifth of the catalogue in these days.",
                "",
                Table(
                    "coverage",
                    coverage.filter(pl.col("policy") != ""),
                    {
                        "surface": ("Surface", "text"),
                        "policy": ("Policy", "text"),
                        "songs": ("Songs", "number"),
                        "coverage": ("Of the catalogue", "share"),
                        "tail_share": ("To the long tail", "share"),
                    },
                ),
            ),
        ),
    )


def of_policies(funnel: pl.DataFrame, coverage: pl.DataFrame) -> pl.DataFrame:
    """The funnel with the share that was listened to and Wilson's interval of it.

        (p + z² / 2n ± z sqrt(p (1 - p) / n + z² / 4n²)) / (1 + z² / n)

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 1927.
    """
    n, p = pl.col("impressions"), pl.col("listens") / pl.col("impressions")
    middle, reach = p + Z**2 / (2 * n), Z * (p * (1 - p) / n + Z**2 / (4 * n * n)).sqrt()
    rated = funnel.with_columns(
        listen_rate=p, low=(middle - reach) / (1 + Z**2 / n), high=(middle + reach) / (1 + Z**2 / n)
    )
    kept = coverage.select("surface", "policy", "songs", "coverage", "tail_share")
    return rated.join(kept, on=["surface", "policy"], how="left")


def _of(whole: pl.DataFrame, column: str) -> str:
    found = whole[column].to_list()
    return percent(found[0] if found else None)


def _funnel(funnel: pl.DataFrame) -> str:
    if funnel.is_empty():
        return ""
    labels = [f"{policy} ({surface})" for surface, policy in funnel.select("surface", "policy").iter_rows()]
    of = {
        "played": (funnel["plays"] / funnel["impressions"]).to_list(),
        "listened to": funnel["listen_rate"].to_list(),
    }
    return plots.bars("funnel", labels, of, as_share=True)


def _positions(positions: pl.DataFrame) -> str:
    if positions.is_empty():
        return ""
    rates = positions.with_columns(share=pl.col("listens") / pl.col("impressions"))
    wide = rates.pivot("policy", index="position", values="share").sort("position")
    places = wide["position"].to_list()
    return plots.by_place("positions", places, {name: wide[name].to_list() for name in wide.columns[1:]})
