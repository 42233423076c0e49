"""Rows told as JSON, as one list or a line each, read with suspicion: each knows its line, and a wrong field is no wrong file."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from catalog_api.imports.errors import BrokenFile

Shape = TypeVar("Shape", bound=msgspec.Struct)
LineOf = Callable[[int], int]  # in which line of its file the row of this place begins; the first place is 0


def from_list(path: Path, text: bytes, shape: type[Shape]) -> tuple[list[Shape], LineOf]:
    """The objects of a JSON list. Where a field is of another type than in `shape`, it counts as missing.

    Raises BrokenFile where the file is no JSON, is cut off, or is no list of objects.
    """
    try:
        try:
            told = msgspec.json.decode(text, type=list[shape])  # type: ignore[valid-type]
        except msgspec.ValidationError:
            told = [_of(row, shape) for row in msgspec.json.decode(text, type=list[dict[str, Any]])]
    except msgspec.ValidationError as error:
        raise BrokenFile(path, 1, f"this is no list of plays: {error}") from error
    except msgspec.DecodeError as error:
        at = re.search(r"\(byte (\d+)\)", str(error))
        line = text[: int(at[1]) if at else None].count(b"\n") + 1
        raise BrokenFile(path, line, f"no valid JSON: {error}") from error
    except RecursionError as error:
        raise BrokenFile(path, 1, "this is no list of plays: it is nested too deeply") from error
    if not told:
        raise BrokenFile(path, 1, "the list is empty")
    return told, lambda place: _line_in_list(text, place)


def from_lines(path: Path, text: bytes, shape: type[Shape]) -> tuple[list[Shape], LineOf]:
    """The objects of a file with one in each line; blank lines are none.

    Raises BrokenFile at the first line that is no object, as where the file is cut off.
    """
    try:
        told = msgspec.json.Decoder(shape).decode_lines(text) if b"\n\n" not in text else None
    except (msgspec.DecodeError, RecursionError):
        told = None
    if told is None:
        told = [_of_line(path, line, row, shape) for line, row in _told_lines(text)]
    if not told:
        raise BrokenFile(path, 1, "there is no listen in it")
    return told, lambda place: next(islice(_told_lines(text), place, None))[0]


def _told_lines(text: bytes) -> Sequence[tuple[int, bytes]]:
    lines = enumerate(text.split(b"\n"), start=1)  # not splitlines: names may hold other separators
    return [(line, row) for line, row in lines if row.strip()]


def _of_line(path: Path, line: int, row: bytes, shape: type[Shape]) -> Shape:
    try:
        return _of(msgspec.json.decode(row, type=dict[str, Any]), shape)
    except msgspec.ValidationError as error:
        raise BrokenFile(path, line, f"this is no listen: {error}") from error
    except msgspec.DecodeError as error:
        raise BrokenFile(path, line, f"no valid JSON: {error}") from error
    except RecursionError as error:
        raise BrokenFile(path, line, "this is no listen: it is nested too deeply") from error


def _of(row: dict[str, Any], shape: type[Shape]) -> Shape:
    """The row with the fields that hold; any other is missing."""
    fields = {}
    for field in msgspec.structs.fields(shape):
        told = row.get(field.encode_name)
        inner = _struct_in(field.type)
        try:
            if inner is not None and isinstance(told, dict):
                fields[field.name] = _of(told, inner)
            else:
                fields[field.name] = msgspec.convert(told, field.type)
        except msgspec.ValidationError:
            continue
    return shape(**fields)


def _struct_in(kind: Any) -> type[msgspec.Struct] | None:
    """The struct among the alternatives of a type."""
    among = (kind, *getattr(kind, "__args__", ()))
    return next((one for one in among if isinstance(one, type) and issubclass(one, msgspec.Struct)), None)


def _line_in_list(told: bytes, place: int) -> int:
    """In which line of the file the item of a list begins."""
    begins = line = 1
    end = 0
    for item in islice(msgspec.json.decode(told, type=list[msgspec.Raw]), place + 1):
        start = told.index(memoryview(item), end)
        line += told.count(b"\n", end, start)
        begins = line
        end = start + len(memoryview(item))
        line += told.count(b"\n", start, end)
    return begins
