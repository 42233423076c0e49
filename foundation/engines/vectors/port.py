"""What the platform asks of a vector engine: publish a version, flip to it, find the nearest, retire."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from foundation.errors import Problem

Ids = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float32]

# From here on a full product costs over 5 ms a query, and a graph pays for its building.
EXACT_UP_TO = 200_000


class BadPoints(Problem):
    """Points or a vector that no engine could search honestly: empty, not a number, or of the wrong shape."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "These vectors cannot be used"


class BadName(Problem):
    """A collection or version whose name would not be one plain file name everywhere."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "This is no name for a collection or a version"


class NothingPublished(Problem):
    """A collection that was never flipped to any version."""

    status: ClassVar[int] = 503
    title: ClassVar[str] = "Nothing is published yet"


class UnknownVersion(Problem):
    """A version that was never published, or has been retired since."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "There is no such version"


class IndexNotBuilt(Problem):
    """A version whose index is missing or finds too little: it is thrown away instead of published."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = "The index could not be built"


class Neighbour(NamedTuple):
    """A song, and the inner product of its vector and the one asked for."""

    id: int
    score: float


@dataclass(frozen=True, slots=True)
class Points:
    """Vectors with their ids, one row each: `ids` int64[n], `vectors` float32[n, d]."""

    ids: Ids
    vectors: Matrix

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.ids.shape != (len(self.vectors),):
            raise BadPoints(
                "one id for each row of a matrix of vectors", ids=self.ids.shape, vectors=self.vectors.shape
            )
        if self.vectors.size == 0:
            raise BadPoints("there is nothing to publish", vectors=self.vectors.shape)
        if self.ids.dtype != np.int64 or self.vectors.dtype != np.float32:
            raise BadPoints(
                "ids are int64 and vectors float32", ids=self.ids.dtype.name, vectors=self.vectors.dtype.name
            )
        if not np.isfinite(self.vectors).all():
            raise BadPoints("a vector holds a number that is not finite")
        if self.ids.min() < 0 or len(np.unique(self.ids)) < len(self.ids):
            raise BadPoints("ids are not negative, and each is there once")

    def by_id(self) -> "Points":
        """The same points with ascending ids."""
        order = np.argsort(self.ids)
        return Points(self.ids[order], np.ascontiguousarray(self.vectors[order]))


class Vectors(Protocol):
    """Collections of vectors, each in versions that never change once published."""

    def publish(self, collection: str, version: str, points: Points) -> None:
        """Builds the version whole, checks it, then lets it be seen; a version already there is left."""

    def flip(self, collection: str, version: str) -> None:
        """Makes a published version the current one, at once for everybody. Raises UnknownVersion."""

    def current(self, collection: str) -> str | None:
        """The version last flipped to; None when there was none."""

    def nearest(
        self,
        collection: str,
        vector: Matrix,
        limit: int,
        *,
        excluded: Collection[int] = (),
        version: str | None = None,
    ) -> list[Neighbour]:
        """The `limit` points of highest inner product with `vector` that are not excluded, the highest first.

        Answers from `version`, or from the current one. Exact up to EXACT_UP_TO points.
        Raises UnknownVersion, NothingPublished, and BadPoints for a vector of another dimension.
        """

    def retire(self, collection: str, keep: int) -> list[str]:
        """Deletes all but the `keep` versions published last and the current one; gives what it deleted."""


def checked_collection(name: str) -> str:
    """The name, when it is lower-case letters, digits and single underscores. Raises BadName."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 100:
        raise BadName("a collection's name is lower-case letters, digits and single underscores", name=name)
    return name


def checked_version(name: str) -> str:
    """The name, when it is letters, digits, dots, dashes and single underscores. Raises BadName."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-]*(_[A-Za-z0-9.\-]+)*", name) or len(name) > 100:
        raise BadName("a version's name is letters, digits, dots, dashes and single underscores", name=name)
    return name


def checked_vector(vector: Matrix, dimensions: int) -> Matrix:
    """The vector as float32, when it fits the collection. Raises BadPoints."""
    if vector.shape != (dimensions,) or not np.isfinite(vector).all():
        raise BadPoints(f"the vector must have {dimensions} finite numbers", shape=vector.shape)
    return np.asarray(vector, dtype=np.float32)


def as_ids(excluded: Collection[int]) -> Ids:
    """Any collection of ids as an array; an array costs nothing."""
    if isinstance(excluded, np.ndarray):
        return excluded.astype(np.int64, copy=False)
    return np.fromiter(excluded, dtype=np.int64, count=len(excluded))
