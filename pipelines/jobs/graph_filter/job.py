"""Finds the broad tastes in the graph of who listened to what: the filter by which serving weighs candidates beside taste."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from models.arrays import Positions
from models.files import array_of, npy
from models.graph_filter import LISTENER, SONG, TARGET, VECTORS, GraphFilter
from models.interactions import Interactions, positions
from models.past import Past
from pipelines.context import Context, InputMissing, Outcome
from pipelines.jobs.interactions import job as interactions
from pipelines.versions import Versions, digest

NAME = "graph_filter"
RECIPE = 1  # part of every version: raise it when `build` changes its meaning
KEPT = 5
_ARRAYS = tuple(each.name for each in fields(GraphFilter))


@dataclass(frozen=True, slots=True)
class Written:
    """A filter, as the jobs after this one read it."""

    version: str
    song_ids: Positions  # ascending
    graph_filter: GraphFilter  # of these songs


def build(rows: pl.DataFrame, seed: int) -> tuple[Positions, GraphFilter]:
    """The ids of the songs, ascending, and the filter of rows (listener_id, song_id, listens)."""
    heard = Interactions.of(rows)
    return heard.song_ids, GraphFilter.learn(Past(heard.listens), seed)


def of_catalog(written: Written, song_ids: Positions) -> GraphFilter:
    """The filter of the songs of `song_ids`, ascending: zeros for one that it does not know."""
    at = positions(written.song_ids, song_ids)
    known = at >= 0
    if not known.any():
        return GraphFilter()
    told = written.graph_filter.of_songs(at[known])
    vectors = np.zeros((len(song_ids), told.filter_vectors.shape[1]), np.float32)
    source, target = np.zeros(len(song_ids), np.float32), np.ones(len(song_ids), np.float32)
    vectors[known], source[known], target[known] = told.filter_vectors, told.filter_source, told.filter_target
    return GraphFilter(vectors, source, target)


def run(context: Context) -> Outcome:
    """Write the filter of the newest interactions; the same ones again change nothing."""
    source = interactions.newest(context)
    versions = Versions(NAME, context.blobs)
    version = _version(source.version, context.als.seed)
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=_summary(known))
    context.progress("filtering", 0.0)
    song_ids, found = build(source.rows, context.als.seed)
    about = {
        "interactions": source.version,
        "songs": len(song_ids),
        "vectors": int(found.filter_vectors.shape[1]),
        "written_at": context.now().isoformat(),
    }
    parts = {f"{name}.npy": npy(getattr(found, name)) for name in _ARRAYS}
    versions.publish(version, {"song_ids.npy": npy(song_ids), **parts}, about, KEPT)
    context.progress("filtering", 1.0)
    return Outcome(version, changed=True, summary=_summary(about))


def learnt(context: Context, interactions_version: str) -> Written:
    """What this job wrote of some interactions; where that is kept no more, what it last wrote.

    So a model that serves again has again the filter that it served with. Raises InputMissing when it never ran.
    """
    versions, of_these = Versions(NAME, context.blobs), _version(interactions_version, context.als.seed)
    about = versions.newest()
    if about is None:
        raise InputMissing("there is no filter yet: run the job graph_filter first", job=NAME)
    version = of_these if versions.has(of_these) else str(about["version"])
    arrays = {name: array_of(versions.read(version, f"{name}.npy")) for name in ("song_ids", *_ARRAYS)}
    song_ids = arrays.pop("song_ids")
    return Written(version, song_ids, GraphFilter(**arrays))


def _version(interactions_version: str, seed: int) -> str:
    return digest(NAME, RECIPE, interactions_version, VECTORS, LISTENER, SONG, TARGET, seed)


def _summary(about: Mapping[str, object]) -> str:
    return "{vectors:,} vectors of {songs:,} songs".format_map(about)
