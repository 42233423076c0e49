"""The vectors port inside the process: a version is a directory with a matrix, and when large a graph too."""

import json
import threading
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from foundation.engines.vectors.edge_graph import Graph, build_graph
from foundation.engines.vectors.inner_product import highest
from foundation.engines.vectors.port import (
    EXACT_UP_TO,
    Ids,
    Matrix,
    Neighbour,
    NothingPublished,
    Points,
    as_ids,
    checked_collection,
    checked_vector,
    checked_version,
)
from foundation.engines.vectors.versions import Lease, Versions

# A process that follows the pointer holds the version it serves and the one its last requests still use.
OPEN_VERSIONS = 2
# qdrant-edge counts thresholds in kilobytes and builds no graph below the first.
SMALLEST_GRAPH = 1_000


@dataclass(frozen=True, slots=True)
class EdgeVectors:
    """Versions under one directory, read by any number of processes; threads share what is open."""

    directory: Path
    exact_up_to: int = EXACT_UP_TO
    _open: "OrderedDict[tuple[str, str], OpenVersion]" = field(default_factory=OrderedDict, repr=False)
    _opening: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def at(cls, directory: str, *, exact_up_to: int = EXACT_UP_TO) -> "EdgeVectors":
        """The versions under a directory, which need not exist yet."""
        return cls(Path(directory).resolve(), exact_up_to)

    def publish(self, collection: str, version: str, points: Points) -> None:
        """Builds without a write-ahead log in a directory aside, checks, syncs, and renames it into place."""
        is_large = len(points.ids) > max(self.exact_up_to, SMALLEST_GRAPH)
        self._versions(collection).add(
            checked_version(version),
            lambda aside: _build(aside, points.by_id(), graph=is_large),
        )

    def flip(self, collection: str, version: str) -> None:
        """Replaces the pointer file."""
        self._versions(collection).flip(checked_version(version))

    def current(self, collection: str) -> str | None:
        """What the pointer file says."""
        return self._versions(collection).current()

    def nearest(
        self,
        collection: str,
        vector: Matrix,
        limit: int,
        *,
        excluded: Collection[int] = (),
        version: str | None = None,
    ) -> list[Neighbour]:
        """Leases the version for as long as this process goes on asking for it, and searches it."""
        wanted = version or self.current(collection)
        if wanted is None:
            raise NothingPublished(f"nothing is published in {collection}", collection=collection)
        return self._opened(collection, checked_version(wanted)).nearest(vector, limit, as_ids(excluded))

    def retire(self, collection: str, keep: int) -> list[str]:
        """Deletes old versions whose lease it can lock for itself alone."""
        return self._versions(collection).retire(keep)

    def _versions(self, collection: str) -> Versions:
        return Versions(self.directory / checked_collection(collection))

    def _opened(self, collection: str, version: str) -> "OpenVersion":
        key = (collection, version)
        with self._opening:
            if key not in self._open:
                self._open[key] = OpenVersion.of(self._versions(collection).lease(version))
                mine = [other for other in self._open if other[0] == collection]
                for forgotten in mine[:-OPEN_VERSIONS]:
                    del self._open[forgotten]
            self._open.move_to_end(key)
            return self._open[key]


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """A version that is leased and mapped into memory."""

    lease: Lease
    ids: Ids
    vectors: Matrix
    graph: Graph | None

    @classmethod
    def of(cls, lease: Lease) -> "OpenVersion":
        """Opens what the lease holds."""
        ids = np.load(lease.directory / "ids.npy", mmap_mode="r")
        vectors = np.load(lease.directory / "vectors.npy", mmap_mode="r")
        shard = lease.directory / "graph"
        return cls(lease, ids, vectors, Graph.at(shard, ids, vectors) if shard.exists() else None)

    def nearest(self, vector: Matrix, limit: int, excluded: Ids) -> list[Neighbour]:
        """By the graph where there is one and it is the cheaper way, else by the product."""
        vector = checked_vector(vector, self.vectors.shape[1])
        if self.graph is not None:
            return self.graph.nearest(vector, limit, excluded)
        return highest(self.ids, self.vectors, vector, limit, excluded)


def _build(aside: Path, points: Points, *, graph: bool) -> None:
    np.save(aside / "ids.npy", points.ids)
    np.save(aside / "vectors.npy", points.vectors)
    if graph:
        build_graph(aside / "graph", points)
    described = {"points": len(points.ids), "dimensions": points.vectors.shape[1], "graph": graph}
    (aside / "version.json").write_text(json.dumps(described))
