"""Takes people out of what the jobs wrote: interactions, factors and bundles, and the songs that went with them.

What serves is never changed: a copy of it without them is published as a new version, verified and flipped to. A bundle
that nobody is pointed to any more is written anew in its place; whoever loads it at that very moment finds its
checksums wrong and looks at the pointer again. Of the other blobs each is replaced whole, and rows keep their places,
so that one who reads several of them meanwhile mixes nothing up. Published vectors that a process still reads are
deleted once it has moved on: until then nobody is forgotten. A report that names songs that are gone goes whole.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from foundation.contracts.tables import Interactions, Listeners, SessionNeighbours, Songs, SongTexts
from foundation.engines.blobs import BlobMissing, Blobs
from foundation.engines.vectors.port import Vectors
from foundation.errors import Problem
from models import bundle as bundles
from models.bundle import Bundle, BundleDamaged, BundleOutdated
from models.files import array_of, npy, parquet
from models.registry import ARTIFACTS
from pipelines import journal, live
from pipelines.context import Context
from pipelines.jobs.als_model import job as als_model
from pipelines.jobs.als_model.card import MOVED
from pipelines.jobs.graph_filter import job as graph_filter
from pipelines.jobs.interactions import job as interactions
from pipelines.jobs.session_neighbours import job as session_neighbours
from pipelines.jobs.song_texts import job as song_texts
from pipelines.jobs.song_vectors import job as song_vectors
from pipelines.jobs.text_vectors import job as text_vectors
from pipelines.journal import Entry
from pipelines.reports import writing as reports
from pipelines.versions import Versions

Ids = NDArray[np.int64]
COLLECTION = live.COLLECTION


class StillRead(Problem):
    """A process still reads vectors of songs that are gone; it lets go of them within seconds: try again."""

    status, title = 409, "Somebody still reads these vectors"


@dataclass(frozen=True, slots=True)
class Gone:
    """Whom, and which songs, nothing may hold any more."""

    listeners: Ids
    songs: Ids

    @classmethod
    def of(cls, listeners: Sequence[int], songs: Sequence[int]) -> "Gone":
        return cls(np.unique(np.array(listeners, np.int64)), np.unique(np.array(songs, np.int64)))


def held(blobs: Blobs, vectors: Vectors, gone: Gone) -> Counter[str]:
    """In how many rows and vectors they are, by the job that wrote them; of a bundle, in how many versions."""
    found: Counter[str] = Counter()
    for version in bundles.versions(blobs):
        found["bundles"] += _is_in_bundle(blobs, version, gone)
    for table in _tables(gone):
        for version in _versions(blobs, table.job):
            if (rows := _rows(blobs, version, table)) is not None:
                found[table.job] += rows.filter(table.is_gone).height
    for files in _vectors(blobs, gone):
        for version in _versions(blobs, files.job):
            found[files.job] += int(np.isin(files.ids_of(version), files.gone).sum())
    found[reports.FOLDER] += sum(reports.naming(blobs, gone.songs.tolist()).values())
    found[song_vectors.NAME] += sum(_published(vectors, gone).values())
    return +found


def forget(context: Context, gone: Gone) -> None:
    """Take them out of everything. Whoever is interrupted does it again.

    Raises StillRead where published vectors of their songs cannot be deleted yet.
    """
    blobs = context.blobs
    for table in _tables(gone):
        for version in _versions(blobs, table.job):
            rows = _rows(blobs, version, table)
            if rows is not None and (kept := rows.remove(table.is_gone)).height < rows.height:
                blobs.put(f"{version}/{table.name}", parquet(kept))
    for vectors in _vectors(blobs, gone):
        for version in _versions(blobs, vectors.job):
            vectors.blank(version)
    for folder in reports.naming(blobs, gone.songs.tolist()):
        reports.remove(folder, blobs)
    if len(gone.songs):
        _name_no_artist(blobs)
    _forget_published(context, gone)


def _name_no_artist(blobs: Blobs) -> None:
    """Take the artists who gained or lost by a model out of what is kept of it: one of them may be gone with their songs."""
    versions = Versions(als_model.NAME, blobs)
    newest = versions.newest()
    for about in versions.abouts():
        radius = about.get("radius")
        if isinstance(radius, dict) and (radius["gaining"] or radius["losing"]):
            version = str(about.pop("version"))
            about["radius"] = {**radius, "gaining": [], "losing": []}
            versions.describe(version, about)
            if newest is not None and newest["version"] == version:
                versions.point(version, about)
    for key in blobs.keys(ARTIFACTS):
        if key.endswith("/card.md"):
            page = blobs.read(key).decode()
            kept = "".join(line for line in page.splitlines(keepends=True) if not line.startswith(MOVED))
            if kept != page:
                blobs.put(key, kept.encode())


def _forget_published(context: Context, gone: Gone) -> None:
    """Serve without them, and keep no version that holds them. Raises StillRead."""
    blobs, vectors = context.blobs, context.vectors
    current = vectors.current(COLLECTION)
    if current is not None and (current in _published(vectors, gone) or _is_in_bundle(blobs, current, gone)):
        _publish_without(context, current, gone)
        current = vectors.current(COLLECTION)
    for retired in vectors.retire(COLLECTION, 0 if len(gone.songs) else song_vectors.KEPT):
        bundles.delete(retired, blobs)
    for version in bundles.versions(blobs):
        if version != current and _is_in_bundle(blobs, version, gone):
            _rewrite(blobs, version, gone)
    left = _published(vectors, gone)
    if current is not None and current in left and _is_nothing_else(bundles.load(current, blobs), gone):
        del left[current]  # the next run sees to it
    if left:
        raise StillRead(f"somebody still reads vectors of songs that are gone, in {', '.join(left)}")


def without(bundle: Bundle, gone: Gone, version: str) -> Bundle:
    """The bundle as another version, without them. How popular other songs are stays: that names nobody."""
    staying = np.flatnonzero(~np.isin(bundle.listener_ids, gone.listeners))
    songs = np.flatnonzero(~np.isin(bundle.song_ids, gone.songs))
    return replace(
        bundle,
        version=version,
        song_ids=bundle.song_ids[songs],
        song_factors=np.ascontiguousarray(bundle.song_factors[songs]),
        listener_ids=bundle.listener_ids[staying],
        listener_factors=np.ascontiguousarray(bundle.listener_factors[staying]),
        heard=bundle.heard[staying][:, songs],
        popularity=bundle.popularity[songs],
        content=bundle.content.of_songs(songs, len(bundle.song_ids)),
        together=bundle.together.of_songs(songs, len(bundle.song_ids)),
        graph_filter=bundle.graph_filter.of_songs(songs),
        needs=bundle.needs[songs] if len(bundle.needs) else bundle.needs,
        songs=bundle.songs.remove(pl.col(Songs.song_id).is_in(gone.songs)),
        listeners=bundle.listeners.remove(pl.col(Listeners.listener_id).is_in(gone.listeners)),
    )


def _publish_without(context: Context, current: str, gone: Gone) -> None:
    """Publish what serves without them, and flip to that, unless somebody flips to something else meanwhile."""
    before = bundles.load(current, context.blobs)
    if _is_nothing_else(before, gone):
        gone = replace(
            gone, songs=np.empty(0, np.int64)
        )  # nothing would be left to publish: the next run sees to it
    kept = without(before, gone, "")
    content = hashlib.sha256(current.encode() + kept.listener_ids.tobytes() + kept.song_ids.tobytes())
    bundle = replace(kept, version=content.hexdigest()[:16])
    texts = text_vectors.newest(context)
    song_vectors.publish(bundle, song_vectors.points_of(bundle, texts.rows), context)
    if context.vectors.current(COLLECTION) != current:
        return  # what serves now is looked at next time
    journal.add(context.blobs, Entry("flip", bundle.model, bundle.version, context.now().isoformat()))
    context.vectors.flip(COLLECTION, bundle.version)
    _undo_if_withdrawn(context, bundle.model)
    versions = Versions(song_vectors.NAME, context.blobs)
    if (about := versions.newest()) is not None and about["version"] == current:
        told = {name: value for name, value in about.items() if name != "version"}
        versions.point(bundle.version, told | {"listeners": len(bundle.listener_ids)})


def _published(vectors: Vectors, gone: Gone) -> dict[str, int]:
    """Of how many of the songs each published version has vectors, where it has any."""
    return vectors.holding(COLLECTION, gone.songs) if len(gone.songs) else {}


def _is_nothing_else(bundle: Bundle, gone: Gone) -> bool:
    """Whether none of its songs stays."""
    return bool(np.isin(bundle.song_ids, gone.songs).all())


def _undo_if_withdrawn(context: Context, model: str) -> None:
    """Somebody may have rolled back between our look at the pointer and our flip: their word holds."""
    decided = journal.read(context.blobs)
    if model in decided.withdrawn:
        flips = [flip.version for flip in decided.flips if flip.model not in decided.withdrawn]
        context.vectors.flip(COLLECTION, flips[-1])


def _rewrite(blobs: Blobs, version: str, gone: Gone) -> None:
    """Write a bundle that does not serve without them. One that cannot be read serves nobody any more: it goes."""
    try:
        bundles.save(without(bundles.load(version, blobs), gone, version), blobs)
    except (BundleDamaged, BundleOutdated, BlobMissing):
        bundles.delete(version, blobs)


def _is_in_bundle(blobs: Blobs, version: str, gone: Gone) -> bool:
    """Whether any of them is in it. Only the small parts are read."""
    folder = f"{bundles.FOLDER}/{version}"
    with suppress(BlobMissing):
        if np.isin(array_of(blobs.read(f"{folder}/listener_ids.npy")), gone.listeners).any():
            return True
        if np.isin(array_of(blobs.read(f"{folder}/song_ids.npy")), gone.songs).any():
            return True
        listeners = pl.read_parquet(
            blobs.read(f"{folder}/listeners.parquet"), columns=[Listeners.listener_id]
        )
        return bool(listeners[Listeners.listener_id].is_in(gone.listeners).any())
    return False


@dataclass(frozen=True, slots=True)
class Table:
    """A file of rows in each version of a job."""

    job: str
    name: str
    is_gone: pl.Expr


@dataclass(frozen=True, slots=True)
class VectorFiles:
    """Ids, ascending, and their vectors, in two files of each version of a job."""

    blobs: Blobs
    job: str
    ids: str
    vectors: str
    gone: Ids

    def ids_of(self, version: str) -> Ids:
        """The ids; none where the version is not whole."""
        with suppress(BlobMissing):
            if self.ids.endswith(".npy"):
                return array_of(self.blobs.read(f"{version}/{self.ids}"))
            return self._told(version)[SongTexts.song_id].to_numpy()
        return np.empty(0, np.int64)

    def blank(self, version: str) -> None:
        """Zeros in place of their vectors, and then the id before theirs in place of their id: the ids still ascend."""
        ids = self.ids_of(version)
        there = np.isin(ids, self.gone)
        if not there.any():
            return
        vectors = array_of(self.blobs.read(f"{version}/{self.vectors}"))
        vectors[there] = 0
        self.blobs.put(f"{version}/{self.vectors}", npy(vectors))
        kept = np.maximum.accumulate(np.where(there, 0, ids))
        if self.ids.endswith(".npy"):
            self.blobs.put(f"{version}/{self.ids}", npy(kept))
            return
        told = self._told(version)
        hashes = [b"" if is_gone else each for is_gone, each in zip(there, told[SongTexts.hash], strict=True)]
        blanked = pl.DataFrame({SongTexts.song_id: kept, SongTexts.hash: hashes})
        self.blobs.put(f"{version}/{self.ids}", parquet(blanked))

    def _told(self, version: str) -> pl.DataFrame:
        return pl.read_parquet(self.blobs.read(f"{version}/{self.ids}"))


def _tables(gone: Gone) -> Iterator[Table]:
    """Rows of interactions come first: whoever reads these and then the factors must find every id in the factors."""
    is_theirs = pl.col(Interactions.listener_id).is_in(gone.listeners)
    if len(gone.songs):
        is_theirs |= pl.col(Interactions.song_id).is_in(gone.songs)
    yield Table(interactions.NAME, "rows.parquet", is_theirs)
    yield Table(als_model.NAME, "rows.parquet", is_theirs)
    if len(gone.songs):
        yield Table(song_texts.NAME, "rows.parquet", pl.col(SongTexts.song_id).is_in(gone.songs))
        either = SessionNeighbours.song_id, SessionNeighbours.near_id
        is_named = pl.any_horizontal(pl.col(each).is_in(gone.songs) for each in either)
        yield Table(session_neighbours.NAME, "rows.parquet", is_named)


def _vectors(blobs: Blobs, gone: Gone) -> Iterator[VectorFiles]:
    yield VectorFiles(blobs, als_model.NAME, "listener_ids.npy", "listener_factors.npy", gone.listeners)
    if len(gone.songs):
        yield VectorFiles(blobs, als_model.NAME, "song_ids.npy", "song_factors.npy", gone.songs)
        yield VectorFiles(blobs, graph_filter.NAME, "song_ids.npy", "filter_vectors.npy", gone.songs)
        yield VectorFiles(blobs, text_vectors.NAME, "texts.parquet", "vectors.npy", gone.songs)


def _versions(blobs: Blobs, job: str) -> list[str]:
    """The folders of a job's versions."""
    return sorted({"/".join(key.split("/")[:2]) for key in blobs.keys(job) if key.count("/") > 1})


def _rows(blobs: Blobs, version: str, table: Table) -> pl.DataFrame | None:
    """None where the version is not whole."""
    with suppress(BlobMissing):
        return pl.read_parquet(blobs.read(f"{version}/{table.name}"))
    return None
