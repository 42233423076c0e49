"""The report on who comes back: active listeners by day, week and month, and weekly cohorts."""

from collections.abc import Mapping
from datetime import date

import numpy as np
import polars as pl

from pipelines.context import Schema
from pipelines.reports import plots
from pipelines.reports.report import Number, Report, Section, Stretch, Table, counted, percent, share

SCHEMAS: Mapping[str, Schema] = {
    "activity": {"day": pl.Date, **dict.fromkeys(("listens", "dau", "wau", "mau"), pl.Int64)},
    "retention": {"cohort": pl.Date, "week": pl.Int64, "listeners": pl.Int64},
}
_ACTIVE = {"mau": "in 30 days", "wau": "in 7 days", "dau": "on the day"}


def build(frames: Mapping[str, pl.DataFrame], stretch: Stretch) -> Report:
    """The report, from the rows of the queries in `SCHEMAS`."""
    activity, rows = frames["activity"], frames["retention"]
    kept = of_cohorts(rows, stretch.until)
    last = activity.row(-1, named=True)
    return Report(
        name="retention",
        title="Who comes back",
        about="Private sessions are not counted.",
        stretch=stretch,
        numbers=(
            Number(counted(last["dau"]), "listeners on the last day"),
            Number(counted(last["mau"]), "in the last 30 days"),
            Number(
                percent(share(int(activity["dau"].sum()), int(activity["mau"].sum()))),
                "stickiness",
                "a day's listeners among a month's, on average",
            ),
            Number(_first_week(kept), "came back", "in the week after their first"),
        ),
        sections=(
            Section(
                "Active listeners",
                "Everybody counts once in each of the three.",
                plots.lines(
                    "activity",
                    activity["day"].to_list(),
                    {label: activity[name].to_list() for name, label in _ACTIVE.items()},
                ),
                Table(
                    "activity",
                    activity.sort("day", descending=True),
                    {
                        "day": ("Day", "text"),
                        "listens": ("Listens", "number"),
                        "dau": ("On the day", "number"),
                        "wau": ("In 7 days", "number"),
                        "mau": ("In 30 days", "number"),
                    },
                    shown=7,
                ),
            ),
            Section(
                "Cohorts",
                "Of those who first listened in the week that begins on a day, the percentage who listened so many "
                "weeks later. The last week may not be over.",
                _map(kept, stretch.until),
                Table(
                    "cohorts",
                    kept,
                    {
                        "cohort": ("First week", "text"),
                        "week": ("Weeks later", "number"),
                        "size": ("Cohort", "number"),
                        "listeners": ("Listened", "number"),
                        "share": ("Share", "share"),
                    },
                    shown=0,
                ),
            ),
        ),
    )


def of_cohorts(rows: pl.DataFrame, until: date) -> pl.DataFrame:
    """One row per cohort and week up to `until`, also where nobody listened: its size, and who of it listened."""
    sizes = rows.filter(pl.col("week") == 0).select("cohort", size="listeners")
    weeks = sizes.with_columns(
        week=pl.int_ranges(0, (pl.lit(until) - pl.col("cohort")).dt.total_days() // 7 + 1, dtype=pl.Int64)
    ).explode("week")
    joined = weeks.join(rows, on=["cohort", "week"], how="left").with_columns(
        pl.col("listeners").fill_null(0)
    )
    return joined.with_columns(share=pl.col("listeners") / pl.col("size")).sort("cohort", "week")


def _first_week(kept: pl.DataFrame) -> str:
    whole = kept.filter(pl.col("week") == 1)
    return percent(share(int(whole["listeners"].sum()), int(whole["size"].sum())))


def _map(kept: pl.DataFrame, until: date) -> str:
    if kept.is_empty():
        return ""
    cohorts = kept.select("cohort", "size").unique().sort("cohort")
    place = {cohort: row for row, cohort in enumerate(cohorts["cohort"])}
    longest = kept["week"].max()
    cells = np.full((cohorts.height, 1 + (longest if isinstance(longest, int) else 0)), np.nan)
    for cohort, week, part in kept.select("cohort", "week", "share").iter_rows():
        cells[place[cohort], week] = part
    labels = [f"{cohort:%-d %b}  ({size:,})" for cohort, size in cohorts.iter_rows()]
    return plots.squares("cohorts", labels, cells)
