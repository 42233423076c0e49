"""Tab-separated files read with suspicion: encoding and header must hold, and each row knows its line."""

import io
from codecs import BOM_UTF8
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from catalog_api.imports.errors import BrokenFile, NothingToImport

LINE = "line"  # where a row stood in its file; the header is line 1
_QUOTED = '^"(?:[^"]|"")*""(?:[^"]|"")*"$'
REASON = "reason"  # why a row is refused, null where it is not


def text_of(path: Path, encoding: str = "utf-8") -> str:
    """The file's text without a byte order mark. Raises BrokenFile for another encoding and for binary files."""
    told = _read(path)
    return _decoded(path, told, encoding).removeprefix("\ufeff")


def utf8_of(path: Path) -> bytes:
    """The same as its bytes, of which a parser makes less than a text of all of it; raises BrokenFile as that does."""
    told = _read(path)
    if not told.isascii():
        _decoded(path, told, "utf-8")
    return told.removeprefix(BOM_UTF8)


def _read(path: Path) -> bytes:
    try:
        told = path.read_bytes()
    except OSError as error:
        raise NothingToImport(f"{path} cannot be read: {error.strerror}") from error
    if not told or told.isspace():
        raise BrokenFile(path, 1, "the file is empty")
    nul = told.find(b"\0")
    if nul >= 0:
        raise BrokenFile(path, _line_at(told, nul), "a zero byte: this is a binary file, not text")
    return told


def _decoded(path: Path, told: bytes, encoding: str) -> str:
    try:
        return told.decode(encoding)
    except UnicodeDecodeError as error:
        name = {"utf-8": "UTF-8"}.get(encoding, encoding)
        raise BrokenFile(
            path, _line_at(told, error.start), f"not {name} text (byte {error.start})"
        ) from error


def header_of(path: Path) -> tuple[str, ...]:
    """The names in the first line, without reading further; empty where there is no such line."""
    with path.open("rb") as file:
        first = file.readline(4096)
    return tuple(first.decode("utf-8-sig", errors="replace").rstrip("\r\n").split("\t"))


def table_of(path: Path, columns: Sequence[str], encoding: str = "utf-8") -> pl.DataFrame:
    """The named columns as text, with each row's `line` and, where it has another number of columns, its `reason`.

    The file may have further columns. Raises BrokenFile for a wrong header, no rows, or a row cut off at the end.
    """
    text = text_of(path, encoding)
    named = text.split("\n", maxsplit=1)[0].rstrip("\r").split("\t")
    missing = [column for column in columns if column not in named]
    if missing:
        expected = "<tab>".join(columns)
        raise BrokenFile(path, 1, f"the header must name {expected}; it lacks {', '.join(missing)}")
    lines = pl.read_lines(io.BytesIO(text.encode()), name="text", row_index_name=LINE, row_index_offset=1)
    rows = lines.filter(pl.col(LINE) > 1, pl.col("text") != "").select(
        pl.col(LINE).cast(pl.UInt32),
        pl.col("text"),
        (pl.col("text").str.count_matches("\t", literal=True) + 1).alias("width"),
    )
    if rows.is_empty():
        raise BrokenFile(path, 1, "there is a header and no row")
    if not text.endswith("\n") and rows.item(-1, "width") < len(named):
        raise BrokenFile(path, rows.item(-1, LINE), "the file ends in the middle of a row")
    told = pl.col("text").str.split_exact("\t", len(named) - 1).struct.rename_fields(named)
    return (
        rows.with_columns(told.alias("fields"))
        .with_columns(pl.col("fields").struct.field(column) for column in columns)
        .select(
            LINE,
            *columns,
            pl.when(pl.col("width") != len(named)).then(pl.lit("wrong number of columns")).alias(REASON),
        )
    )


def unquoted(column: str) -> pl.Expr:
    """The column's texts as meant by a writer that quotes only what holds a quote: `"7"" Mix"` is 7" Mix.

    Text that merely stands in quotes is left alone: a song may be called "Heroes", with them.
    """
    text = pl.col(column)
    meant = text.str.slice(1, text.str.len_chars() - 2).str.replace_all('""', '"', literal=True)
    return pl.when(text.str.contains(_QUOTED)).then(meant).otherwise(text).alias(column)


def _line_at(told: bytes, offset: int) -> int:
    return told.count(b"\n", 0, offset) + 1
