"""Reads listens as ListenBrainz gives them: JSON with one listen a line, a list of them, or its export by year and month."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from uuid import UUID

import msgspec
import polars as pl

from catalog_api.imports import scrobbles
from catalog_api.imports.json_rows import from_lines, from_list
from catalog_api.imports.tsv import LINE, REASON, utf8_of
from catalog_api.imports.whose import Whose
from event_log.listens import LISTEN_MS
from foundation.contracts.history import History

SOURCE = "listenbrainz"
OF_EXPORT = "listens/*/*.jsonl"  # as its export names its files
Number = int | float | str | None  # clients send lengths as any of them
_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_LARGEST = 2**53
_A_LIST = re.compile(rb"\s*\[")


class Additional(msgspec.Struct, gc=False):
    """What the player told beside the names; `segue_…` is what an export from here adds, so that nothing is lost."""

    duration_ms: Number = None
    duration: Number = None  # seconds
    duration_played: Number = None  # seconds
    segue_play_id: str | None = None
    segue_played_at: str | None = None
    segue_played_ms: int | None = None


class Metadata(msgspec.Struct, gc=False):
    """What was listened to."""

    artist_name: str | None = None
    track_name: str | None = None
    release_name: str | None = None
    additional_info: Additional | None = None


class Listen(msgspec.Struct, gc=False):
    """One listen, any field of which may be missing; `listened_at` is when it began, in seconds since 1970."""

    listened_at: Number = None
    track_metadata: Metadata | None = None
    user_name: str | None = None


def files_in(folder: Path) -> list[Path]:
    """The files of an export that was unpacked here."""
    return sorted(folder.glob(OF_EXPORT))


def is_one(path: Path) -> bool:
    """Whether the file holds listens, by its beginning."""
    with path.open("rb") as file:
        begins = file.read(65_536).removeprefix(b"\xef\xbb\xbf").lstrip()
    return begins[:1] in (b"{", b"[") and b'"track_metadata"' in begins


def read(paths: Sequence[Path], now: datetime, whose: Whose) -> History:
    """The history of these files; `whose` says whose they are. Raises BrokenFile."""
    refused: Counter[str] = Counter()
    files = []
    for path in paths:
        text = utf8_of(path)
        shaped = from_list if _A_LIST.match(text) else from_lines
        told, line_of = shaped(path, text, Listen)
        rows, left_out = scrobbles.checked(table_of(told, whose), path, now, SOURCE, line_of)
        files.append(rows)
        refused += left_out
    return scrobbles.history_of(SOURCE, files, refused)


def table_of(told: Sequence[Listen], whose: Whose) -> pl.DataFrame:
    """The listens as rows of scrobbles, whose line is their place."""
    nothing, unnamed = Additional(), Metadata()
    named = [listen.track_metadata or unnamed for listen in told]
    beside = [metadata.additional_info or nothing for metadata in named]
    own = [_own_of(one) for one in beside]
    rows = pl.DataFrame(
        {
            LINE: range(len(told)),
            "listener": [listen.user_name for listen in told],
            "listened_at": [_seconds(listen.listened_at) for listen in told],
            "artist": [metadata.artist_name for metadata in named],
            "title": [metadata.track_name for metadata in named],
            "album": [metadata.release_name or "" for metadata in named],
            "song_ms": [_length_of(one) for one in beside],
            "played_ms": [
                _played_of(one, is_own=play is not None) for one, play in zip(beside, own, strict=True)
            ],
            "play_id": own,
            "own_at": [one.segue_played_at for one in beside],
            REASON: None,
        },
        schema=pl.Schema(scrobbles.TOLD | {"listened_at": pl.Float64(), "own_at": pl.String()}),
    )
    seconds = pl.from_epoch((pl.col("listened_at") * 1000).cast(pl.Int64), time_unit="ms")
    own_at = pl.col("own_at").str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.3fZ", time_unit="ms", time_zone="UTC", strict=False
    )
    return rows.with_columns(
        whose.of(pl.col("listener")).alias("listener"),
        pl.when(pl.col("play_id").is_not_null())
        .then(pl.coalesce(own_at, seconds.dt.replace_time_zone("UTC")))
        .otherwise(seconds.dt.replace_time_zone("UTC"))
        .alias("listened_at"),
    )


def _own_of(told: Additional) -> bytes | None:
    """The id of a play that was exported from here."""
    if told.segue_play_id is None:
        return None
    try:
        return UUID(told.segue_play_id).bytes
    except ValueError:
        return None


def _length_of(told: Additional) -> int | None:
    """The song's length in milliseconds; None where it is not told."""
    milliseconds = _seconds(told.duration_ms)
    if milliseconds is None:
        seconds = _seconds(told.duration)
        milliseconds = None if seconds is None else seconds * 1000
    return None if milliseconds is None else int(milliseconds)


def _played_of(told: Additional, *, is_own: bool) -> int | None:
    """How long it was played, where that is told. What is told as less than a listen lasts is not believed."""
    if is_own and told.segue_played_ms is not None and abs(told.segue_played_ms) < _LARGEST:
        return told.segue_played_ms
    seconds = _seconds(told.duration_played)
    return None if seconds is None or seconds * 1000 < LISTEN_MS else int(seconds * 1000)


def _seconds(told: Number) -> float | None:
    """A number as told, also as text; None for what is none, is below 0, or is beyond all time."""
    if isinstance(told, str):
        told = float(told) if _NUMBER.fullmatch(told) else None
    return told if told is not None and 0 <= told < _LARGEST else None
