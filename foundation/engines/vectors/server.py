"""The vectors port on a Qdrant server: a collection per version, an alias that names the current one."""

import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from foundation.engines.vectors.port import (
    EXACT_UP_TO,
    Ids,
    IndexNotBuilt,
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
from foundation.errors import Unreachable

# The same reach as in the process, for the same reason (see edge_graph.py).
REACH = 100
CANDIDATES = 800
SEPARATOR = "__"
BATCH = 1_000
SMALLEST_INDEXED_KB = 1
TIMEOUT_SECONDS = 60
INDEXING_SECONDS = 3_600.0
LOOK_AGAIN_SECONDS = 0.5


class Named(NamedTuple):
    """The vectors of one name: how many points have one, and of how many numbers it is."""

    vectors: int
    dimensions: int


@dataclass(frozen=True, slots=True)
class Described:
    """What a collection's metadata tell of the version in it; one without a number was never finished."""

    number: int
    points: int
    names: Mapping[str, Named]

    @classmethod
    def of(cls, told: Mapping[str, object]) -> "Described | None":
        """None for a collection that was never finished, or that an older Segue made."""
        names, number, points = told.get("names"), told.get("number"), told.get("points")
        if not (isinstance(names, dict) and isinstance(number, int) and isinstance(points, int)):
            return None
        return cls(number, points, {name: Named(*sizes) for name, sizes in names.items()})


@dataclass(frozen=True, slots=True)
class QdrantVectors:
    """Version V of collection C is the server's collection `C__V`; the alias C names the current one.

    A server tells nobody who still reads a version: there, `keep` must cover the slowest reader.
    Needs Qdrant 1.16 or later, for the metadata of a collection.
    """

    client: QdrantClient
    exact_up_to: int = EXACT_UP_TO
    has_graphs: bool = True
    _described: dict[str, Described] = field(default_factory=dict, repr=False)

    @classmethod
    def at(cls, url: str, *, exact_up_to: int = EXACT_UP_TO) -> "QdrantVectors":
        """The server, or qdrant-client's own engine, that a `qdrant://` URL names."""
        parts = urlsplit(url)
        if parts.netloc == ":memory:" or not parts.hostname:
            local = QdrantClient(":memory:") if parts.netloc else QdrantClient(path=parts.path)
            return cls(local, has_graphs=False)  # every search there is exact
        tls = parse_qs(parts.query).get("tls", ["0"])[0] in {"1", "true"}
        return cls(
            QdrantClient(
                host=parts.hostname,
                port=parts.port or 6333,
                api_key=parts.password,
                https=tls,
                timeout=TIMEOUT_SECONDS,
                check_compatibility=False,  # it would only print
            ),
            exact_up_to,
        )

    def publish(self, collection: str, version: str, points: Points) -> None:
        """Fills a collection and waits for its graph; its number, written last, is what lets it be seen."""
        name = _name(collection, version)
        with self._answering():
            if self._description(name) is not None:
                return
            number = 1 + max(
                (described.number for described in self._versions(collection).values()), default=0
            )
            self.client.delete_collection(name)  # what a publisher that died left behind
            try:
                self._fill(name, points)
            except BaseException:
                self.client.delete_collection(name)
                raise
            names = {name: list(named) for name, named in _named(points).items()}
            self.client.update_collection(
                name, metadata={"number": number, "points": len(points.ids), "names": names}
            )

    def flip(self, collection: str, version: str) -> None:
        """Moves the alias in one operation."""
        name = _name(collection, version)
        with self._answering():
            if self._description(name) is None:
                raise _unknown(collection, version)
            here = models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=name, alias_name=collection)
            )
            away = models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=collection))
            self.client.update_collection_aliases(
                [here] if self.current(collection) is None else [away, here]
            )

    def current(self, collection: str) -> str | None:
        """What the alias names."""
        checked_collection(collection)
        with self._answering():
            for alias in self.client.get_aliases().aliases:
                if alias.alias_name == collection:
                    return alias.collection_name.removeprefix(f"{collection}{SEPARATOR}")
        return None

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
        """Asks for an exact search of a small collection, else for a walk that keeps enough candidates."""
        wanted = version or self.current(collection)
        if wanted is None:
            raise NothingPublished(f"nothing is published in {collection}", collection=collection)
        place = _name(collection, wanted)
        with self._answering():
            described = self._described.get(place) or self._description(place)
            if described is None:
                raise _unknown(collection, wanted)
            self._described[place] = described
            if name not in described.names:
                raise no_vectors(wanted, name, described.names)
            barred = as_ids(excluded).tolist()
            try:
                if isinstance(near, int):
                    vector = self._vector_of(place, wanted, name, near)
                    barred.append(near)
                else:
                    vector = checked_vector(near, described.names[name].dimensions)
                if limit <= 0:
                    return []
                return self._query(place, name, described.names[name], vector, limit, barred)
            except (UnexpectedResponse, ValueError):
                del self._described[place]
                if self.client.collection_exists(place):
                    raise
                raise _unknown(collection, wanted) from None

    def holding(self, collection: str, points: Ids) -> dict[str, int]:
        """Counts them in each version's collection."""
        theirs = models.Filter(must=[models.HasIdCondition(has_id=[*points.tolist()])])
        with self._answering():
            found = {
                version: self.client.count(_name(collection, version), count_filter=theirs, exact=True).count
                for version in self._versions(collection)
            }
        return {version: count for version, count in found.items() if count}

    def retire(self, collection: str, keep: int) -> list[str]:
        """Deletes old versions, whoever may be reading them."""
        with self._answering():
            versions = self._versions(collection)
            newest_first = sorted(versions, key=lambda version: versions[version].number, reverse=True)
            current = self.current(collection)
            old = [version for version in reversed(newest_first[keep:]) if version != current]
            for version in old:
                self.client.delete_collection(_name(collection, version))
                self._described.pop(_name(collection, version), None)
        return old

    def _vector_of(self, place: str, version: str, name: str, point: int) -> Matrix:
        """The point's own vector. Raises UnknownPoint."""
        found = self.client.retrieve(place, ids=[point], with_payload=False, with_vectors=[name])
        vectors = found[0].vector if found else None
        if not isinstance(vectors, dict) or not vectors.get(name):
            raise no_point(version, name, point)
        return np.asarray(vectors[name], dtype=np.float32)

    def _query(
        self, place: str, name: str, named: Named, vector: Matrix, limit: int, barred: list[int]
    ) -> list[Neighbour]:
        """As in the process: a walk to the nearest hundred while that is enough, else an exact search."""
        if self.has_graphs and named.vectors > self.exact_up_to and limit <= REACH:
            met = self.client.query_points(
                place,
                query=vector.tolist(),
                using=name,
                limit=REACH,
                search_params=models.SearchParams(hnsw_ef=CANDIDATES),
                with_payload=False,
            )
            dropped = set(barred)
            left = [Neighbour(int(point.id), point.score) for point in met.points if point.id not in dropped]
            if len(left) >= limit:
                return left[:limit]
        answer = self.client.query_points(
            place,
            query=vector.tolist(),
            using=name,
            limit=limit,
            query_filter=models.Filter(must_not=[models.HasIdCondition(has_id=[*barred])])
            if barred
            else None,
            search_params=models.SearchParams(exact=True) if self.has_graphs else None,
            with_payload=False,
        )
        return [Neighbour(int(point.id), point.score) for point in answer.points]

    def _fill(self, place: str, points: Points) -> None:
        """One collection with a vector of each name; a point is told only the vectors that it has."""
        named = _named(points)
        graphs = {name for name in named if self.has_graphs and named[name].vectors > self.exact_up_to}
        self.client.create_collection(
            place,
            vectors_config={
                name: models.VectorParams(
                    size=named[name].dimensions,
                    distance=models.Distance.DOT,
                    hnsw_config=models.HnswConfigDiff(m=32 if name in graphs else 0, ef_construct=200),
                )
                for name in named
            },
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=SMALLEST_INDEXED_KB),
        )
        self.client.upload_points(place, _structs(points), batch_size=BATCH, wait=True)
        stored = self.client.count(place, exact=True).count
        if stored != len(points.ids):
            raise IndexNotBuilt("not every point was stored", points=len(points.ids), stored=stored)
        if graphs:
            self._await_graph(place, [named[name] for name in graphs])

    def _await_graph(self, place: str, graphs: list[Named]) -> None:
        """Returns once no more stays outside the graphs than segments too small for one may hold."""
        wanted = sum(named.vectors for named in graphs)
        may_miss = sum(SMALLEST_INDEXED_KB * 1024 // (4 * named.dimensions) + 1 for named in graphs)
        deadline = time.monotonic() + INDEXING_SECONDS
        while True:
            told = self.client.get_collection(place)
            indexed = told.indexed_vectors_count or 0
            if told.status == models.CollectionStatus.GREEN and indexed + may_miss >= wanted:
                return
            if told.status == models.CollectionStatus.RED or time.monotonic() > deadline:
                raise IndexNotBuilt("the server did not finish the graph", vectors=wanted, indexed=indexed)
            time.sleep(LOOK_AGAIN_SECONDS)

    def _versions(self, collection: str) -> dict[str, Described]:
        prefix = f"{checked_collection(collection)}{SEPARATOR}"
        names = [one.name for one in self.client.get_collections().collections if one.name.startswith(prefix)]
        found = {name.removeprefix(prefix): self._description(name) for name in names}
        return {version: described for version, described in found.items() if described is not None}

    def _description(self, name: str) -> Described | None:
        if not self.client.collection_exists(name):
            return None
        return Described.of(self.client.get_collection(name).config.metadata or {})

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except ResponseHandlingException as error:
            raise Unreachable("the vector server does not answer", reason=str(error)) from error


def _named(points: Points) -> dict[str, Named]:
    return {
        name: Named(int(points.having(name).sum()), matrix.shape[1])
        for name, matrix in points.vectors.items()
    }


def _structs(points: Points) -> Iterator[models.PointStruct]:
    """Each point with the vectors that it has."""
    has_one = {name: points.having(name) for name in points.vectors}
    for row, point in enumerate(points.ids.tolist()):
        told = {name: points.vectors[name][row].tolist() for name in has_one if has_one[name][row]}
        yield models.PointStruct(id=point, vector=told)


def _name(collection: str, version: str) -> str:
    return f"{checked_collection(collection)}{SEPARATOR}{checked_version(version)}"


def _unknown(collection: str, version: str) -> UnknownVersion:
    return UnknownVersion(
        f"{collection} has no version {version}: never published, or retired", version=version
    )
