"""What every retriever can do: score the whole catalogue for listeners, and be kept as arrays and come back unchanged."""

import io
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar, Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from models.arrays import Positions
from models.past import Past

_SPARSE = ("data", "indices", "indptr", "shape")


class Retriever(Protocol):
    """A trained model that finds songs for listeners from what they heard; a frozen dataclass of arrays and numbers.

    The listeners of `scores` need not be those it was trained on: only the songs are the same.
    """

    name: ClassVar[str]

    def scores(self, past: Past, rows: Positions) -> NDArray[np.float32]:
        """How well each song suits the listeners in `rows` of the past: a fresh array [rows × songs], higher is better.

        A score of a listener does not depend on who is asked for beside them.
        """
        ...


def saved(retriever: Any) -> bytes:
    """A retriever as one file: what its fields hold by their names, retrievers within it included."""
    arrays: dict[str, NDArray[Any]] = {}
    plain: dict[str, object] = {}
    for each in fields(retriever):
        value = getattr(retriever, each.name)
        match value:
            case sp.csr_array():
                arrays |= {f"{each.name}.{part}": np.asarray(getattr(value, part)) for part in _SPARSE}
            case np.ndarray():
                arrays[each.name] = value
            case tuple() if value and hasattr(value[0], "scores"):
                arrays |= {f"{each.name}/{place}": _bytes(saved(inner)) for place, inner in enumerate(value)}
            case _ if hasattr(value, "scores"):
                arrays[f"{each.name}/"] = _bytes(saved(value))
            case _:
                plain[each.name] = value
    told = {"kind": type(retriever).__name__, "values": plain}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, plain=_bytes(json.dumps(told).encode()), **arrays)
    return buffer.getvalue()


def loaded(content: bytes, kinds: Mapping[str, type]) -> Any:
    """The retriever that was saved; `kinds` are the classes it may be of. Raises KeyError when it is of none."""
    stored = np.load(io.BytesIO(content), allow_pickle=False)
    told = json.loads(stored["plain"].tobytes())
    kind: Any = kinds[told["kind"]]
    return kind(**{each.name: _value(each.name, stored, told["values"], kinds) for each in fields(kind)})


def _value(
    name: str, stored: Mapping[str, NDArray[Any]], plain: Mapping[str, object], kinds: Mapping[str, type]
) -> object:
    if name in plain:
        value = plain[name]
        return tuple(value) if isinstance(value, list) else value
    if name in stored:
        return stored[name]
    if f"{name}/" in stored:
        return loaded(stored[f"{name}/"].tobytes(), kinds)
    if f"{name}.data" in stored:
        data, indices, indptr, shape = (stored[f"{name}.{part}"] for part in _SPARSE)
        return sp.csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
    inner = [key for key in stored if key.startswith(f"{name}/")]
    return tuple(loaded(stored[f"{name}/{place}"].tobytes(), kinds) for place in range(len(inner)))


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8)
