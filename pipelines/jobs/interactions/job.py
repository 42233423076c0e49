"""Counts who listened to what: one row per listener and song, from listens and from imported play counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from foundation.contracts.tables import Interactions
from models.evaluation.splits import LISTENS_BEFORE
from models.files import parquet
from pipelines.context import Context, InputMissing, NothingHeard, Outcome, Schema
from pipelines.versions import Versions, digest

NAME = "interactions"
RECIPE = 3  # part of every version: raise it when `build` or the SQL changes its meaning
KEPT = 3
FUTURE = 0.2  # of the listens, the last ones, by which a model is judged
SHORTEST_FUTURE = timedelta(days=1)
HERE = Path(__file__).parent
_PAIR = [Interactions.listener_id, Interactions.song_id]
_COUNTED: Schema = dict.fromkeys((*_PAIR, Interactions.listens), pl.Int64)
_SCHEMA: Schema = {
    **_COUNTED,
    LISTENS_BEFORE: pl.Int64,
    Interactions.last_listened_at: pl.Datetime("ms", "UTC"),
}
_MOMENTS: Schema = dict.fromkeys(("first_ms", "last_ms", "split_ms"), pl.Int64)
_STATE: Schema = dict.fromkeys(("listen_rows", "listen_hash", "imported_rows", "imported_hash"), pl.UInt64)


@dataclass(frozen=True, slots=True)
class Written:
    """The newest interactions, as the jobs after this one read them."""

    version: str
    since: datetime | None  # the first listen; None where no listen has a time
    until: datetime  # every listen known by then is in it
    split: datetime | None  # what was heard before it is the past by which models are judged on the rest
    rows: pl.DataFrame  # with `listens_before`: how many of the listens were before the split


def build(heard: pl.DataFrame, imported: pl.DataFrame) -> pl.DataFrame:
    """One row per pair of either input: listens and imported plays added up, sorted by listener and song.

    `last_listened_at` is null where no listen has a time. Imported plays are past, since nothing says when they were:
    a model may learn from them and is never judged by them.
    """
    untimed = imported.with_columns(
        pl.col(Interactions.listens).alias(LISTENS_BEFORE),
        pl.lit(None, _SCHEMA[Interactions.last_listened_at]).alias(Interactions.last_listened_at),
    ).select(heard.columns)
    added = (
        pl.concat([heard, untimed])
        .group_by(_PAIR)
        .agg(pl.col(Interactions.listens, LISTENS_BEFORE).sum(), pl.col(Interactions.last_listened_at).max())
    )
    return added.filter(pl.col(Interactions.listens) > 0).sort(_PAIR)


def run(context: Context) -> Outcome:
    """Write the interactions as of the context's moment; the same listens again change nothing."""
    versions = Versions(NAME, context.blobs)
    context.progress("counting listens", 0.0)
    state = context.frame(HERE / "state.sql", _STATE, at_ms=context.at_ms).row(0, named=True)
    version = digest(NAME, RECIPE, state)
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    moments = _moments(context)
    rows = build(
        context.frame(HERE / "listens.sql", _SCHEMA, at_ms=context.at_ms, split_ms=moments["split_ms"]),
        context.frame(HERE / "imported.sql", _COUNTED, at_ms=context.at_ms),
    )
    if rows.is_empty():
        raise NothingHeard(
            "there are no listens yet: import a history, or make a demonstration with ./segue demo"
        )
    about = {
        "rows": rows.height,
        "listeners": rows[Interactions.listener_id].n_unique(),
        "songs": rows[Interactions.song_id].n_unique(),
        "until_ms": context.at_ms,
        **moments,
        "state": state,
        "written_at": context.now().isoformat(),
    }
    versions.write(version, {"rows.parquet": parquet(rows)}, about)
    context.progress("counting listens", 1.0)
    if known is not None and int(str(known["until_ms"])) > context.at_ms:
        # A run for a past moment, as a scheduler's backfill asks for, must not turn training back to it.
        return Outcome(version, changed=True, summary=f"{_summary(about)}; newer ones stay the newest")
    versions.point(version, about)
    versions.prune(KEPT)
    return Outcome(version, changed=True, summary=_summary(about))


def newest(context: Context) -> Written:
    """What this job last wrote. Raises InputMissing when it never ran."""
    versions = Versions(NAME, context.blobs)
    about = versions.newest()
    if about is None:
        raise InputMissing("there are no interactions yet: run the job interactions first", job=NAME)
    version = str(about["version"])
    rows = pl.read_parquet(versions.read(version, "rows.parquet"))
    moments = {name: int(str(about.get(name, 0))) for name in ("first_ms", "until_ms", "split_ms")}
    since, until, split = (datetime.fromtimestamp(ms / 1000, UTC) for ms in moments.values())
    is_timed = moments["first_ms"] > 0
    return Written(version, since if is_timed else None, until, split if is_timed else None, rows)


def _moments(context: Context) -> dict[str, int]:
    """The first and the last listen, and the moment that parts past and future, in milliseconds."""
    least_ms = SHORTEST_FUTURE // timedelta(milliseconds=1)
    asked = {"at_ms": context.at_ms, "share": FUTURE, "least_ms": least_ms}
    return context.frame(HERE / "moments.sql", _MOMENTS, **asked).row(0, named=True)


def _summary(about: Mapping[str, object]) -> str:
    return "{rows:,} pairs of {listeners:,} listeners and {songs:,} songs".format_map(about)
