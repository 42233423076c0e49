"""Comma-separated files read with suspicion: quoting and header must hold, and each row knows its line."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from catalog_api.imports.errors import BrokenFile
from catalog_api.imports.tsv import LINE, REASON, text_of

WRONG_WIDTH = "wrong number of columns"


def header_of(path: Path) -> tuple[str, ...]:
    """The names in the first line, without reading further; empty where it is no such line."""
    with path.open("rb") as file:
        first = file.readline(4096).decode("utf-8-sig", errors="replace")
    try:
        return tuple(next(csv.reader([first], strict=True), ()))
    except csv.Error:
        return ()


def table_of(path: Path, columns: Sequence[str], header: Sequence[str] | None = None) -> pl.DataFrame:
    """The named columns as text, with each row's `line` and, where it has another number of columns, its `reason`.

    The file may have further columns; `header` names them where its first line does not. Raises BrokenFile for a wrong
    header, no rows, broken quotes, or a row cut off.
    """
    text = text_of(path)
    records = _records(path, text)
    header = header or next(records)[1]
    missing = [column for column in columns if column not in header]
    if missing:
        raise BrokenFile(path, 1, f"the header lacks {', '.join(missing)}")
    lines: list[int] = []
    told: list[list[str]] = []
    for line, record in records:
        if record:
            lines.append(line)
            told.append(record)
    if not lines:
        raise BrokenFile(path, 1, "there is a header and no row")
    width, nothing = len(header), [""] * len(header)
    are_whole = [len(record) == width for record in told]
    if not text.endswith("\n") and not are_whole[-1]:
        raise BrokenFile(path, lines[-1], "the file ends in the middle of a row")
    whole = told if all(are_whole) else [row if len(row) == width else nothing for row in told]
    places = {column: header.index(column) for column in columns}
    return pl.DataFrame(
        [
            *(pl.Series(column, [row[at] for row in whole], pl.String) for column, at in places.items()),
            pl.Series(LINE, lines, pl.UInt32),
            pl.Series(REASON, [None if is_whole else WRONG_WIDTH for is_whole in are_whole], pl.String),
        ]
    )


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each record, and in which line it begins: quoted text may go over several."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise BrokenFile(path, line, f"this is no comma-separated row: {error}") from error
