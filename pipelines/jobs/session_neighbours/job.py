"""Counts which songs are played together in one sitting, and keeps the nearest of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp

from foundation.contracts.tables import Interactions, Listens, SessionNeighbours
from models.arrays import Positions
from models.cooccurrence.sessions import Sessions
from models.files import parquet
from models.interactions import positions
from models.past import Past, Plays
from models.together import LEAST, NEIGHBOURS, SHRUNK, Together
from pipelines.context import Context, InputMissing, Outcome, Schema
from pipelines.jobs.interactions import job as interactions
from pipelines.versions import Versions, digest

NAME = "session_neighbours"
RECIPE = 1  # part of every version: raise it when `build` or the SQL changes its meaning
KEPT = 5
SINCE = timedelta(days=180)  # what was played together longer ago is not asked for
MOST = 20_000_000  # listens
HERE = Path(__file__).parent
LISTENS: Schema = {
    Interactions.listener_id: pl.Int64,
    Interactions.song_id: pl.Int64,
    "at_ms": pl.Int64,
    Listens.played_ms: pl.Int64,
}


@dataclass(frozen=True, slots=True)
class Written:
    """Neighbours, as the jobs after this one read them."""

    version: str
    rows: pl.DataFrame  # song_id, near_id, weight


def build(listens: pl.DataFrame) -> pl.DataFrame:
    """One row per song and each of the songs played most beside it, by song and then the most first.

    `listens` has listener_id, song_id, at_ms and played_ms, in any order.
    """
    listener_ids, song_ids = (
        listens[name].unique().sort().to_numpy() for name in (Interactions.listener_id, Interactions.song_id)
    )
    plays = Plays.of(
        positions(listener_ids, listens[Interactions.listener_id].to_numpy()),
        positions(song_ids, listens[Interactions.song_id].to_numpy()),
        listens["at_ms"].to_numpy() / 1000,
        seconds=listens[Listens.played_ms].to_numpy() / 1000,
    )
    past = Past(sp.csr_array((len(listener_ids), len(song_ids)), dtype=np.float32), plays)
    near = Together.of(Sessions.learn(past, least=LEAST, shrunk=SHRUNK).together)
    rows, places = np.nonzero(near.session_neighbours >= 0)
    return pl.DataFrame(
        {
            SessionNeighbours.song_id: song_ids[rows],
            SessionNeighbours.near_id: song_ids[near.session_neighbours[rows, places]],
            SessionNeighbours.weight: near.session_weights[rows, places],
        }
    )


def table_of(rows: pl.DataFrame, song_ids: Positions) -> Together:
    """The neighbours of the songs of `song_ids`, ascending, that are among these themselves."""
    one, other = (
        positions(song_ids, rows[name].to_numpy())
        for name in (SessionNeighbours.song_id, SessionNeighbours.near_id)
    )
    known = (one >= 0) & (other >= 0)
    if not known.any():
        return Together()
    cells = (rows[SessionNeighbours.weight].to_numpy()[known], (one[known], other[known]))
    return Together.of(sp.csr_array(cells, shape=(len(song_ids), len(song_ids))), NEIGHBOURS)


def run(context: Context) -> Outcome:
    """Write the neighbours of the listens that the newest interactions count; the same listens again change nothing."""
    source = interactions.newest(context)
    versions = Versions(NAME, context.blobs)
    version = digest(NAME, RECIPE, source.version)
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    context.progress("counting sessions", 0.0)
    rows = build(listens_before(context, int(source.until.timestamp() * 1000)))
    about = {
        "interactions": source.version,
        "pairs": rows.height,
        "songs": rows[SessionNeighbours.song_id].n_unique(),
        "written_at": context.now().isoformat(),
    }
    versions.publish(version, {"rows.parquet": parquet(rows)}, about, KEPT)
    context.progress("counting sessions", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def listens_before(context: Context, at_ms: int) -> pl.DataFrame:
    """The listens by which sittings are told at a moment, in milliseconds since 1970."""
    since_ms = at_ms - SINCE // timedelta(milliseconds=1)
    return context.frame(HERE / "listens.sql", LISTENS, at_ms=at_ms, since_ms=since_ms, most=MOST)


def counted(context: Context, interactions_version: str) -> Written:
    """What this job wrote of some interactions; where that is kept no more, what it last wrote.

    So a model that serves again has again the neighbours that it served with. Raises InputMissing when it never ran.
    """
    versions = Versions(NAME, context.blobs)
    about = versions.newest()
    if about is None:
        raise InputMissing("there are no sessions yet: run the job session_neighbours first", job=NAME)
    of_these = digest(NAME, RECIPE, interactions_version)
    is_kept = versions.has(of_these)
    version = of_these if is_kept else str(about["version"])
    return Written(version, pl.read_parquet(versions.read(version, "rows.parquet")))


def _summary(about: Mapping[str, object]) -> str:
    return "{pairs:,} pairs of {songs:,} songs that are played together".format_map(about)
