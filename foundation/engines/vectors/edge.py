"""The vectors port inside the process: a version is a directory with a matrix for each name, when large an index too.

versions/NAME/als/ids.npy, vectors.npy    the points that have such a vector, ids ascending
versions/NAME/als/cells/                  only of more than EXACT_UP_TO points, and only where vectors are narrow
versions/NAME/text/graph/                 the same where they are wide
versions/NAME/version.json                what is in it
"""

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from foundation.engines.vectors.cells import Cells
from foundation.engines.vectors.edge_graph import Graph, build_graph
from foundation.engines.vectors.inner_product import highest, positions
from foundation.engines.vectors.port import (
    EXACT_UP_TO,
    Ids,
    Matrix,
    Neighbour,
    NothingPublished,
    Points,
    UnknownVersion,
    as_ids,
    checked_collection,
    checked_vector,
    checked_version,
    no_point,
    no_vectors,
)
from foundation.engines.vectors.recall import check_recall
from foundation.engines.vectors.versions import Lease, Versions

# A process that follows the pointer holds the version it serves and the one its last requests still use.
OPEN_VERSIONS = 2
# Seconds after which it lets go of the latter: longer than a request takes. Who deletes old versions waits for that.
LET_GO_AFTER = 3.0
# qdrant-edge counts thresholds in kilobytes and builds no graph below the first.
SMALLEST_GRAPH = 1_000
# Numbers in a vector up to which some thousands are compared sooner than a graph is walked.
NARROW = 128


@dataclass(frozen=True, slots=True)
class EdgeVectors:
    """Versions under one directory, read by any number of processes; threads share what is open."""

    directory: Path
    exact_up_to: int = EXACT_UP_TO
    seconds: Callable[[], float] = time.monotonic
    _open: "dict[tuple[str, str], OpenVersion]" = field(default_factory=dict, repr=False)
    _opening: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def at(cls, directory: str, *, exact_up_to: int = EXACT_UP_TO) -> "EdgeVectors":
        """The versions under a directory, which need not exist yet."""
        return cls(Path(directory).resolve(), exact_up_to)

    def publish(self, collection: str, version: str, points: Points) -> None:
        """Builds without a write-ahead log in a directory aside, checks, syncs, and renames it into place."""
        self._versions(collection).add(
            checked_version(version),
            lambda aside: _build(aside, points, max(self.exact_up_to, SMALLEST_GRAPH)),
        )

    def flip(self, collection: str, version: str) -> None:
        """Replaces the pointer file."""
        self._versions(collection).flip(checked_version(version))

    def current(self, collection: str) -> str | None:
        """What the pointer file says. Who asks again and again lets go of what is no longer asked for."""
        current = self._versions(collection).current()
        if len(self._open) > 1:
            self._let_go(collection, current)
        return current

    def nearest(
        self,
        collection: str,
        near: Matrix | int,
        limit: int,
        *,
        name: str,
        excluded: Collection[int] = (),
        version: str | None = None,
    ) -> list[Neighbour]:
        """Leases the version for as long as this process goes on asking for it, and searches it."""
        wanted = version or self.current(collection)
        if wanted is None:
            raise NothingPublished(f"nothing is published in {collection}", collection=collection)
        opened = self._opened(collection, checked_version(wanted))
        space = opened.spaces.get(name)
        if space is None:
            raise no_vectors(wanted, name, opened.spaces)
        barred = as_ids(excluded)
        if isinstance(near, int):
            vector = space.vector_of(near)
            if vector is None:
                raise no_point(wanted, name, near)
            return space.nearest(vector, limit, np.append(barred, near))
        return space.nearest(checked_vector(near, space.vectors.shape[1]), limit, barred)

    def holding(self, collection: str, points: Ids) -> dict[str, int]:
        """Looks into the ids of each version's folder."""
        versions = self._versions(collection)
        found: dict[str, int] = {}
        for version in versions.names():
            with suppress(FileNotFoundError):  # retired while we were looking
                ids = [np.load(file) for file in versions.folder(version).glob("*/ids.npy")]
                found[version] = len(np.intersect1d(np.concatenate(ids), points)) if ids else 0
        return {version: count for version, count in found.items() if count}

    def retire(self, collection: str, keep: int) -> list[str]:
        """Deletes old versions whose lease it can lock for itself alone."""
        return self._versions(collection).retire(keep)

    def _versions(self, collection: str) -> Versions:
        return Versions(self.directory / checked_collection(collection))

    def _opened(self, collection: str, version: str) -> "OpenVersion":
        key, now = (collection, version), self.seconds()
        with self._opening:
            opened = self._open.get(key)
            if opened is None:
                opened = OpenVersion.of(self._versions(collection).lease(version))
                others = sorted(self._of(collection), key=lambda other: self._open[other].used_at)
                for forgotten in others[: max(len(others) + 1 - OPEN_VERSIONS, 0)]:
                    del self._open[forgotten]
                for other in self._of(collection):
                    self._open[other].used_at = now  # a request that has begun may ask for it yet
                self._open[key] = opened
            opened.used_at = now
            return opened

    def _let_go(self, collection: str, current: str | None) -> None:
        """Hold no version any more that nobody asked for lately, but the current one, or while that is not open the newest."""
        with self._opening:
            mine, serving = self._of(collection), (collection, current)
            others = [key for key in mine if key != serving] if serving in mine else mine[:-1]
            for key in others:
                if self.seconds() - self._open[key].used_at >= LET_GO_AFTER:
                    del self._open[key]

    def _of(self, collection: str) -> list[tuple[str, str]]:
        """The open versions of a collection, in the order of their opening."""
        return [key for key in self._open if key[0] == collection]


@dataclass(frozen=True, slots=True)
class Space:
    """The vectors of one name, and the points they belong to; `ids` ascend."""

    ids: Ids
    vectors: Matrix
    graph: Graph | None
    cells: Cells | None

    @classmethod
    def at(cls, directory: Path) -> "Space":
        """Maps what was built into memory."""
        ids = np.load(directory / "ids.npy", mmap_mode="r")
        vectors = np.load(directory / "vectors.npy", mmap_mode="r")
        shard, cells = directory / "graph", directory / "cells"
        return cls(
            ids,
            vectors,
            Graph.at(shard, ids, vectors) if shard.exists() else None,
            Cells.at(cells) if cells.exists() else None,
        )

    def vector_of(self, point: int) -> Matrix | None:
        """The vector of a point, if it has one."""
        found = positions(self.ids, np.array([point], dtype=np.int64))
        return np.array(self.vectors[found[0]]) if len(found) else None

    def nearest(self, vector: Matrix, limit: int, excluded: Ids) -> list[Neighbour]:
        """By the index where there is one and it is the cheaper way, else by the product."""
        if self.graph is not None:
            return self.graph.nearest(vector, limit, excluded)
        if self.cells is not None and limit > 0:
            barred = positions(self.ids, excluded)
            rows = self.cells.highest(vector, limit, barred)
            if rows is not None:
                return highest(self.ids[rows], self.vectors[rows], vector, limit, barred[:0])
        return highest(self.ids, self.vectors, vector, limit, excluded)


@dataclass(slots=True)
class OpenVersion:
    """A version that is leased and mapped into memory: a space for each name."""

    lease: Lease
    spaces: Mapping[str, Space]
    used_at: float = 0.0  # of `EdgeVectors.seconds`

    @classmethod
    def of(cls, lease: Lease) -> "OpenVersion":
        """Opens what the lease holds. Raises UnknownVersion for the layout of an older Segue."""
        told = json.loads((lease.directory / "version.json").read_bytes())
        if "names" not in told:
            version = lease.directory.name
            raise UnknownVersion(
                f"version {version} was published by an older Segue: publish it again", version=version
            )
        return cls(lease, {name: Space.at(lease.directory / name) for name in told["names"]})


def _build(aside: Path, points: Points, largest_matrix: int) -> None:
    names = {}
    for name in points.vectors:
        ids, vectors = points.of(name)
        directory = aside / name
        directory.mkdir()
        np.save(directory / "ids.npy", ids)
        np.save(directory / "vectors.npy", vectors)
        if len(ids) > largest_matrix:
            if vectors.shape[1] > NARROW:
                build_graph(directory / "graph", ids, vectors)
            else:
                _build_cells(directory, vectors)
        names[name] = {"vectors": len(ids), "dimensions": vectors.shape[1]}
    (aside / "version.json").write_text(json.dumps({"points": len(points.ids), "names": names}))


def _build_cells(directory: Path, vectors: Matrix) -> None:
    Cells.of(vectors).save(directory / "cells")
    space, nobody = Space.at(directory), np.array([], dtype=np.int64)
    check_recall(space.ids, vectors, lambda vector, limit: space.nearest(vector, limit, nobody))
