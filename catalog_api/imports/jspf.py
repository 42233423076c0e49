"""Reads playlists in JSPF whose tracks tell when they were listened to; one without such times is no history."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from catalog_api.imports import scrobbles
from catalog_api.imports.errors import BrokenFile, NothingToImport
from catalog_api.imports.listenbrainz import Additional, Listen, Metadata, table_of
from catalog_api.imports.tsv import utf8_of
from catalog_api.imports.whose import Whose
from foundation.contracts.history import History

SOURCE = "jspf"
LISTENED_AT = (
    "listened_at"  # seconds since 1970 or a moment in RFC 3339; of a track, or anywhere in its extensions
)


class _Track(msgspec.Struct):
    title: str | None = None
    creator: str | None = None
    album: str | None = None
    duration: int | None = None  # milliseconds
    extension: dict[str, Any] | None = None
    listened_at: Any = None


class _Playlist(msgspec.Struct):
    track: list[_Track] = []
    title: str | None = None


class _Document(msgspec.Struct):
    playlist: _Playlist


def is_one(path: Path) -> bool:
    """Whether the file is a playlist of this form, by its name or its beginning."""
    with path.open("rb") as file:
        begins = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    return path.suffix.lower() == ".jspf" or (begins.startswith(b"{") and b'"playlist"' in begins)


def read(path: Path, now: datetime, whose: Whose) -> History:
    """The listens of one playlist. Raises BrokenFile, and NothingToImport for a playlist that tells no times."""
    try:
        playlist = msgspec.json.decode(utf8_of(path), type=_Document).playlist
    except msgspec.ValidationError as error:
        raise BrokenFile(path, 1, f"this is no JSPF: {error}") from error
    except (msgspec.DecodeError, RecursionError) as error:
        raise BrokenFile(path, 1, f"no valid JSON: {error}") from error
    told = [_listen_of(track) for track in playlist.track]
    if not any(listen.listened_at is not None for listen in told):
        raise NothingToImport(
            f"{path.name} is a playlist of {len(told):,} songs that does not tell when they were listened to, so it is no "
            "history: POST /api/v1/playlists/import makes a playlist of it",
            songs=len(told),
        )
    # The form tells no lines: its tracks are counted instead.
    rows, refused = scrobbles.checked(
        table_of(told, whose), path, now, SOURCE, line_of=lambda place: place + 1
    )
    return scrobbles.history_of(SOURCE, [rows], refused)


def _listen_of(track: _Track) -> Listen:
    told = track.listened_at if track.listened_at is not None else _listened_at(track.extension or {})
    if isinstance(told, str) and "T" in told:
        told = _moment(told)
    return Listen(
        listened_at=told if isinstance(told, int | float | str) else None,
        track_metadata=Metadata(
            artist_name=track.creator,
            track_name=track.title,
            release_name=track.album,
            additional_info=Additional(duration_ms=track.duration),
        ),
    )


def _listened_at(extension: dict[str, Any]) -> Any:
    """The time that an extension tells: it holds a list or an object of facts, or one more object of them."""
    for facts in _objects(extension.values()):
        if LISTENED_AT in facts:
            return facts[LISTENED_AT]
        for inner in _objects(facts.values()):
            if LISTENED_AT in inner:
                return inner[LISTENED_AT]
    return None


def _objects(values: Iterable[Any]) -> Iterable[dict[str, Any]]:
    for value in values:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield one


def _moment(told: str) -> float | None:
    try:
        moment = datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None
