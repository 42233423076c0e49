"""Reads a folder of lyrics in LRC files, which name their song, its artist and the language in tags of their own."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from catalog_api.imports.errors import BrokenFile, NothingToImport
from catalog_api.imports.plays import song_key
from catalog_api.imports.rows import judged, name_rules
from catalog_api.imports.tsv import LINE, REASON, header_of, table_of, text_of
from catalog_api.lyrics.languages import code_of
from catalog_api.lyrics.lrc import TooManyLines, length_of, parsed
from foundation.contracts.history import ARTISTS, LISTENERS, LYRICS, SONGS, History, empty

SOURCE = "lrc"
PATTERN = "*.lrc"
BESIDE = "ATTRIBUTION.tsv"  # whose the files are, and what they do not say themselves
LONGEST = 200_000  # characters of one file
_TOLD = {
    LINE: pl.UInt32,  # the file's place in the folder, from 1
    "artist": pl.String,
    "title": pl.String,
    "language": pl.String,
    "text": pl.String,
    "song_ms": pl.UInt32,
    REASON: pl.String,
}


@dataclass(frozen=True, slots=True)
class _Named:
    """What the table beside the files says of one of them."""

    artist: str = ""
    title: str = ""
    language: str = ""


def is_here(folder: Path) -> bool:
    """Whether the folder holds lyrics."""
    return any(folder.glob(PATTERN))


def files_in(folder: Path) -> Sequence[Path]:
    """What `read` reads, in order."""
    beside = folder / BESIDE
    return [*sorted(folder.glob(PATTERN)), *([beside] if beside.is_file() else [])]


def read(folder: Path, now: datetime) -> History:
    """The songs of the folder with their lyrics; nobody's plays. `now` decides nothing here.

    Artist, title and language are told by a file's own tags (ar, ti, la), else by ATTRIBUTION.tsv, else artist and title
    by the file's name: `Artist - Title.lrc`. Raises BrokenFile where most files cannot be used, NothingToImport.
    """
    paths = sorted(folder.glob(PATTERN))
    if not paths:
        raise NothingToImport(f"{folder} holds no lyrics ({PATTERN})", path=str(folder))
    named = _beside(folder / BESIDE)
    told = pl.DataFrame(
        [_row(place, path, named.get(path.stem, _Named())) for place, path in enumerate(paths, start=1)],
        schema=_TOLD,
        orient="row",
    )
    rules = [
        *name_rules("artist", "artist"),
        *name_rules("title", "title"),
        (~pl.struct("artist", "title", "language").is_first_distinct(), "lyrics of this song told before"),
    ]
    rows, refused = _used(judged(told, rules), paths)
    return _history(rows.with_columns(song_key(pl.col("artist"), pl.col("title")).alias("song")), refused)


def _used(told: pl.DataFrame, paths: Sequence[Path]) -> tuple[pl.DataFrame, Counter[str]]:
    """The files that can be used, and how many others there were by reason; none where most cannot."""
    bad = told.filter(pl.col(REASON).is_not_null())
    if 2 * bad.height > told.height:
        first = bad.row(0, named=True)
        what = f"{first[REASON]}; {bad.height:,} of {told.height:,} files cannot be used, so none is"
        raise BrokenFile(paths[first[LINE] - 1], 1, what)
    return told.filter(pl.col(REASON).is_null()), Counter(bad[REASON].to_list())


def _row(place: int, path: Path, named: _Named) -> tuple[int, str, str, str, str, int | None, str | None]:
    try:
        text = text_of(path)
    except BrokenFile as broken:
        return place, named.artist, named.title, "", "", None, str(broken.detail)
    try:
        words = parsed(text)
    except TooManyLines as error:
        return place, named.artist, named.title, "", "", None, str(error)
    artist, title = _by_name(path.stem)
    return (
        place,
        words.tags.get("ar") or named.artist or artist,
        words.tags.get("ti") or named.title or title,
        code_of(words.tags.get("la", "")) or code_of(named.language),
        text,
        length_of(words.tags),
        _reason(text, words.text),
    )


def _reason(text: str, words: str) -> str | None:
    if len(text) > LONGEST:
        return f"longer than {LONGEST:,} characters"
    return None if words.strip() else "no words"


def _by_name(stem: str) -> tuple[str, str]:
    """
    >>> _by_name("Queen - Innuendo"), _by_name("Innuendo")
    (('Queen', 'Innuendo'), ('', 'Innuendo'))
    """
    artist, dash, title = stem.partition(" - ")
    return (artist.strip(), title.strip()) if dash else ("", stem.strip())


def _beside(path: Path) -> Mapping[str, _Named]:
    """What the table says of each file, by its name without the ending; nothing where there is no such table."""
    columns = ("file", "artist", "title", "language")
    if not path.is_file() or not set(columns) <= set(header_of(path)):
        return {}
    return {file: _Named(*told) for file, *told in _texts(table_of(path, columns).select(columns))}


def _texts(rows: pl.DataFrame) -> Iterator[tuple[str, ...]]:
    yield from rows.fill_null("").iter_rows()


def _history(rows: pl.DataFrame, refused: Counter[str]) -> History:
    songs = rows.unique("song", keep="first", maintain_order=True)
    return History(
        source=SOURCE,
        listeners=empty(LISTENERS),
        artists=songs.select(pl.col("artist").unique(maintain_order=True).alias("external_id"))
        .select("external_id", pl.col("external_id").str.strip_chars().alias("name"), country=pl.lit(""))
        .cast(ARTISTS),
        songs=songs.select(
            pl.col("song").alias("external_id"),
            pl.col("artist").alias("artist_external_id"),
            pl.col("title").str.strip_chars(),
            album=pl.lit(""),
            genre=pl.lit(""),
            song_ms=pl.col("song_ms"),
            released_on=pl.lit(None, pl.Date),
        ).cast(SONGS),
        lyrics=rows.select(pl.col("song").alias("song_external_id"), "language", "text").cast(LYRICS),
        refused=refused,
    )
