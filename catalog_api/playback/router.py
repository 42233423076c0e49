"""Plays over HTTP: the busiest endpoint, so its body is decoded and answered without a model in between."""

from typing import Any

import msgspec

from catalog_api.playback.errors import BodyTooLarge, PlayOutOfTime
from catalog_api.playback.schemas import PlayIn, PlayOut
from catalog_api.playback.service import Playback
from catalog_api.songs.errors import SongNotFound
from event_log.errors import LogBusy, LogFull, LogUnavailable
from foundation.errors import Unreachable
from foundation.http.hot import HotRequest, HotRouter
from foundation.http.principal import MissingToken
from foundation.http.problems import InvalidRequest
from foundation.ids import SongId
from foundation.security import InvalidToken

BIGGEST_BODY = 16 * 1024  # bytes; a play with every field takes some 250

hot = HotRouter(prefix="/songs", tags=["playback"])
_decode = msgspec.json.Decoder(PlayIn).decode
_encode = msgspec.json.Encoder().encode
_schemas: dict[str, dict[str, Any]] = msgspec.json.schema_components((PlayIn, PlayOut))[1]
_told = {"play_id": "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11", "played_ms": 45_000}
_answered = _told | {
    "song_id": 98765,
    "kind": "end",
    "started_at": "2026-03-01T11:59:15Z",
    "received_at": "2026-03-01T12:00:00Z",
}
del _answered["played_ms"]


@hot.post(
    "/{song_id}/play",
    202,
    MissingToken,
    InvalidToken,
    SongNotFound,
    BodyTooLarge,
    PlayOutOfTime,
    LogUnavailable,
    LogBusy,
    LogFull,
    Unreachable,
    responses={
        202: {
            "description": "The play is on disk.",
            "content": {"application/json": {"schema": _schemas["PlayOut"], "example": _answered}},
        }
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schemas["PlayIn"], "example": _told}},
        }
    },
)
async def record(request: HotRequest) -> tuple[int, bytes]:
    """Tell us that a song is played, or with `played_ms` that it was. Send it again if unsure: it counts once."""
    listener = request.principal
    if listener is None:
        raise MissingToken("send an access token: Authorization: Bearer …")
    playback: Playback = request.state.playback
    told = _decoded(await request.body(BIGGEST_BODY, BodyTooLarge))
    play = await playback.record(listener.user_id, SongId(request.id), told, country=_country(request))
    return 202, _encode(PlayOut(play.play_id, play.song_id, play.kind, play.started_at, play.received_at))


def _country(request: HotRequest) -> str | None:
    """What the edge in front of us says of where the request comes from, if one is trusted to."""
    header: str = request.state.settings.http.country_header
    told = request.header(header.lower().encode("latin-1")) if header else None
    return None if told is None else told.decode("latin-1")


def _decoded(body: bytes) -> PlayIn:
    """The play that a body holds. Raises InvalidRequest, which names the field."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        what, _, where = str(error).partition(" - at `$")
        errors = [{"where": "body" + where.rstrip("`"), "what": what}]
        raise InvalidRequest(f"{errors[0]['where']}: {what}", errors=errors) from error
