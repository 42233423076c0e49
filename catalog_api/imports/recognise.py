"""Finds out what a path holds, and hands it to the reader of that kind."""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import is_zipfile

from catalog_api.imports import (
    archive,
    catalogue,
    endsong,
    events_tsv,
    hetrec,
    jspf,
    lastfm_csv,
    listenbrainz,
    lrc,
    streaming_history,
)
from catalog_api.imports.catalogue import Catalogue
from catalog_api.imports.errors import NothingToImport
from catalog_api.imports.tsv import header_of
from catalog_api.imports.whose import UNNAMED, Whose
from foundation.contracts.history import History
from foundation.ids import UserId

READABLE = """Segue reads
  - a table of plays: a tab-separated file whose header names user, end_time_utc_minute, artist, track, ms_played
  - an extended streaming history: endsong_*.json or Streaming_History_Audio_*.json, one file, the folder or the zip of them
  - the streaming history of an account's data: StreamingHistory*.json, one file, the folder or the zip of them
  - listens of ListenBrainz: JSON with one listen a line, or the zip or folder of its export (listens/YEAR/MONTH.jsonl)
  - scrobbles of Last.fm: CSV with uts, artist, album, track …, or artist, album, track, date without a header
  - a playlist in JSPF whose tracks tell listened_at
  - the folder of the HetRec 2011 Last.fm data set: user_artists.dat (or user_artists_train.tsv) and artists.dat
  - a catalogue: spotify_songs.csv, MusicBrainz artists with id, name, type, country, area_id, or the folder of both
  - a folder of lyrics in LRC files"""


SENDABLE = """send the extended or the account data of a streaming service (JSON, or the zip of it), CSV of Last.fm, JSON lines of \
ListenBrainz, or JSPF whose tracks tell listened_at"""
_BEGINNING = 65_536  # bytes by which a kind of file is known
_LONGEST_NAME = 200  # bytes


@dataclass(frozen=True, slots=True)
class Told:
    """A history or a catalogue, and what it was read from: a name for people, and a SHA-256 of the files' bytes."""

    history: History | Catalogue
    name: str
    digest: bytes


def read(
    path: Path,
    *,
    now: datetime,
    listener: str | None = None,
    account: UserId | None = None,
    most_unpacked: int = archive.LARGEST,
) -> Told:
    """What `path` tells, all of it parsed and judged. `listener` says whose plays they are where the file does not.

    With an `account` they are all of its owner, whomever the file names. Raises NothingToImport with a list of what can
    be read, for an account where a file tells of several people, and for a zip of more than `most_unpacked` bytes; BrokenFile.
    """
    told = _read(path, now, Whose(listener or UNNAMED, account), most_unpacked)
    if account is not None and not _is_of_one(told.history):
        raise NothingToImport(f"{path.name} is not the history of one person", path=path.name)
    return told


def named_as_it_is(name: str, file: IO[bytes]) -> str:
    """A name of one file for what somebody sent, by which `read` knows what it is; only its beginning is looked at.

    Raises NothingToImport for what no reader takes.
    """
    plain = "".join(each for each in PurePosixPath(name.replace("\\", "/")).name if each.isprintable())
    plain = plain.encode()[-_LONGEST_NAME:].decode(errors="ignore").lstrip(". ") or "history"
    try:
        if is_zipfile(file):
            return plain if plain.lower().endswith(".zip") else f"{plain}.zip"
        file.seek(0)
        with TemporaryDirectory(prefix="segue-look-") as folder:
            look = Path(folder, plain)
            look.write_bytes(file.read(_BEGINNING))
            _file(look, _NO_MOMENT, Whose())
    except NothingToImport as refusal:
        raise NothingToImport(f"this is no listening history that can be read: {SENDABLE}") from refusal
    finally:
        file.seek(0)
    return plain


_NO_MOMENT = datetime.min.replace(tzinfo=UTC)  # for a look that reads no row


def _is_of_one(told: History | Catalogue) -> bool:
    """Whether a history is of whom we say, rather than of people whom its file tells by ids of its own."""
    return isinstance(told, History) and told.source in OF_ONE


def _read(path: Path, now: datetime, whose: Whose, most_unpacked: int) -> Told:
    if path.is_file() and archive.is_one(path):
        with archive.unpacked(path, most_unpacked) as folder:
            return _told(path, [path], _folder(folder, now, whose, called=path)[1])
    if path.is_dir():
        files, reading = _folder(path, now, whose)
    elif path.is_file():
        files, reading = _file(path, now, whose)
    else:
        raise NothingToImport(f"{path}: there is no such file or folder", path=str(path))
    return _told(path, files, reading)


def _told(path: Path, files: Sequence[Path], reading: Callable[[], History | Catalogue]) -> Told:
    with ThreadPoolExecutor(1) as beside:  # hashing lets other threads work
        digest = beside.submit(_digest, files)
        return Told(reading(), path.resolve().name, digest.result())


# Sources whose files are one person's.
OF_ONE = {reader.SOURCE for reader in (endsong, streaming_history, listenbrainz, lastfm_csv, jspf)}
Reading = tuple[Sequence[Path], Callable[[], History | Catalogue]]


def _folder(path: Path, now: datetime, whose: Whose, called: Path | None = None) -> Reading:
    """What a folder holds; in messages it is `called` so."""
    name = called or path
    extended, yearly = _matching(path, endsong.PATTERNS), _matching(path, streaming_history.PATTERNS)
    tables = [file for file in sorted(path.glob("*.tsv")) if _is_table(file)]
    listens, parts = listenbrainz.files_in(path), catalogue.files_in(path)
    kinds = [extended, yearly, tables, listens, parts, hetrec.is_here(path), lrc.is_here(path)]
    if sum(map(bool, kinds)) > 1 or len(tables) > 1:
        names = ", ".join(
            file.name for some in (extended, yearly, tables, listens, parts) for file in some[:2]
        )
        raise NothingToImport(
            f"{name} holds more than one thing to import ({names} …): name one file", path=str(name)
        )
    if extended:
        return extended, lambda: endsong.read(extended, now, whose)
    if yearly:
        return yearly, lambda: streaming_history.read(yearly, now, whose)
    if tables:
        return tables, lambda: events_tsv.read(tables[0], now)
    if listens:
        return listens, lambda: listenbrainz.read(listens, now, whose)
    if parts:
        return parts, lambda: catalogue.read(parts)
    if lrc.is_here(path):
        return lrc.files_in(path), lambda: lrc.read(path, now)
    if hetrec.is_here(path):
        files = (*hetrec.PLAYS_FILES, "artists.dat", "tags.dat", *hetrec.TAGGINGS)
        return [path / name for name in files if (path / name).is_file()], lambda: hetrec.read(path)
    raise NothingToImport(f"{name} holds nothing that Segue can import. {READABLE}", path=str(name))


def _matching(folder: Path, patterns: Sequence[str]) -> list[Path]:
    return sorted({file for pattern in patterns for file in folder.glob(pattern)})


def _file(path: Path, now: datetime, whose: Whose) -> Reading:
    if any(path.match(pattern) for pattern in endsong.PATTERNS):
        return [path], lambda: endsong.read([path], now, whose)
    if _is_table(path) or path.match("events*.tsv"):
        return [path], lambda: events_tsv.read(path, now)
    if catalogue.is_one(path):
        return [path], lambda: catalogue.read([path])
    if lastfm_csv.is_one(path):
        return [path], lambda: lastfm_csv.read(path, now, whose)
    if path.suffix.lower() in (".jsonl", ".ndjson") or listenbrainz.is_one(path):
        return [path], lambda: listenbrainz.read([path], now, whose)
    if jspf.is_one(path):
        return [path], lambda: jspf.read(path, now, whose)
    if _is_json_list(path):
        reader = streaming_history if _is_yearly(path) else endsong
        return [path], lambda: reader.read([path], now, whose)
    if path.name in hetrec.PLAYS_FILES:
        return _folder(path.parent, now, whose)
    raise NothingToImport(f"{path} is nothing that Segue can import. {READABLE}", path=str(path))


def _is_yearly(path: Path) -> bool:
    with path.open("rb") as file:
        return path.name.startswith("StreamingHistory") or b'"endTime"' in file.read(4096)


def _is_table(path: Path) -> bool:
    return len(set(events_tsv.COLUMNS) & set(header_of(path))) > len(events_tsv.COLUMNS) // 2


def _is_json_list(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _digest(files: Sequence[Path]) -> bytes:
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.digest()
