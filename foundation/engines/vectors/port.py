"""What the platform asks of a vector engine: publish a version, flip to it, find the nearest, retire."""

import re
from collections.abc import Collection, Mapping
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
    """A collection, version or vector whose name would not be one plain file name everywhere."""

    status: ClassVar[int] = 422
    title: ClassVar[str] = "This is no name for a collection, a version or a vector"


class NothingPublished(Problem):
    """A collection that was never flipped to any version."""

    status: ClassVar[int] = 503
    title: ClassVar[str] = "Nothing is published yet"


class UnknownVersion(Problem):
    """A version that was never published, or has been retired since."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "There is no such version"


class UnknownPoint(Problem):
    """A point that the version does not have, or a vector of a name that the point does not have."""

    status: ClassVar[int] = 404
    title: ClassVar[str] = "There is no such vector"


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
    """Points with their ids, and one matrix for each name of a vector: `ids` int64[n], `vectors` float32[n, d] by name.

    Names may differ in d. A row of zeros says that the point has no vector of that name: by that name nobody finds it.
    """

    ids: Ids
    vectors: Mapping[str, Matrix]

    def __post_init__(self) -> None:
        if not self.vectors or not self.ids.size:
            raise BadPoints("there is nothing to publish", points=len(self.ids), names=list(self.vectors))
        if self.ids.dtype != np.int64:
            raise BadPoints("ids are int64", ids=self.ids.dtype.name)
        if self.ids.min() < 0 or len(np.unique(self.ids)) < len(self.ids):
            raise BadPoints("ids are not negative, and each is there once")
        for name, matrix in self.vectors.items():
            self._check(checked_name(name), matrix)

    def _check(self, name: str, matrix: Matrix) -> None:
        if matrix.ndim != 2 or self.ids.shape != (len(matrix),) or not matrix.size:
            shapes = {"ids": self.ids.shape, "vectors": matrix.shape}
            raise BadPoints(f"{name}: one id for each row of a matrix of vectors", **shapes)
        if matrix.dtype != np.float32:
            raise BadPoints(f"{name}: vectors are float32", vectors=matrix.dtype.name)
        if not np.isfinite(matrix).all():
            raise BadPoints(f"{name}: a vector holds a number that is not finite")

    def having(self, name: str) -> npt.NDArray[np.bool_]:
        """Of each point, whether it has a vector of that name."""
        return np.asarray((self.vectors[name] != 0).any(axis=1), dtype=np.bool_)

    def of(self, name: str) -> tuple[Ids, Matrix]:
        """The ids of the points that have a vector of that name, ascending, and the vectors."""
        order = np.argsort(self.ids)
        order = order[self.having(name)[order]]
        return self.ids[order], np.ascontiguousarray(self.vectors[name][order])


class Vectors(Protocol):
    """Collections of points, each in versions that never change once published; all names of a version flip at once."""

    def publish(self, collection: str, version: str, points: Points) -> None:
        """Builds the version whole, checks it, then lets it be seen; a version already there is left."""

    def flip(self, collection: str, version: str) -> None:
        """Makes a published version the current one, at once for everybody. Raises UnknownVersion."""

    def current(self, collection: str) -> str | None:
        """The version last flipped to; None when there was none."""

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
        """The `limit` points whose vectors of that name have the highest inner product with `near`, the highest first.

        `near` is a vector, or the id of a point: then its own vector, and the point itself is left out, as the
        `excluded` are. Answers from `version`, or from the current one. Exact up to EXACT_UP_TO points. Raises
        UnknownVersion, NothingPublished, UnknownPoint, and BadPoints for a vector of another dimension.
        """

    def holding(self, collection: str, points: Ids) -> dict[str, int]:
        """How many of these points each published version has, also one that serves nobody any more; none are left out."""

    def retire(self, collection: str, keep: int) -> list[str]:
        """Deletes all but the `keep` versions published last and the current one; gives what it deleted."""


def checked_collection(name: str) -> str:
    """The name, when it is lower-case letters, digits and single underscores. Raises BadName."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 100:
        raise BadName("such a name is lower-case letters, digits and single underscores", name=name)
    return name


def checked_name(name: str) -> str:
    """The name of a vector, when it is lower-case letters, digits and single underscores. Raises BadName."""
    return checked_collection(name)


def checked_version(name: str) -> str:
    """The name, when it is letters, digits, dots, dashes and single underscores. Raises BadName."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.\-]*(_[A-Za-z0-9.\-]+)*", name) or len(name) > 100:
        raise BadName("a version's name is letters, digits, dots, dashes and single underscores", name=name)
    return name


def no_vectors(version: str, name: str, names: Collection[str]) -> UnknownPoint:
    """The refusal of a name that a version does not have."""
    return UnknownPoint(
        f"version {version} has no vectors named {name}", version=version, names=sorted(names)
    )


def no_point(version: str, name: str, point: int) -> UnknownPoint:
    """The refusal of a point that has no vector of that name."""
    return UnknownPoint(f"point {point} of version {version} has no vector named {name}", point=point)


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
