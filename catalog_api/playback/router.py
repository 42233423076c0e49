"""Plays over HTTP: the busiest endpoint, so its body is decoded and answered without a model in between."""

from contextlib import aclosing
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request, Response

from catalog_api.playback.errors import BodyTooLarge, PlayOutOfTime
from catalog_api.playback.schemas import PlayIn, PlayOut
from catalog_api.playback.service import Playback
from catalog_api.songs.errors import SongNotFound
from event_log.errors import LogBusy, LogFull, LogUnavailable
from foundation.errors import Unreachable
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.ids import SongId
from foundation.security import InvalidToken

BIGGEST_ID = 2**63 - 1
BIGGEST_BODY = 16 * 1024  # bytes; a play with every field takes some 250

router = APIRouter(tags=["playback"])
_decode = msgspec.json.Decoder(PlayIn).decode
_encode = msgspec.json.Encoder().encode
_schemas: dict[str, dict[str, Any]] = msgspec.json.schema_components((PlayIn, PlayOut))[1]
_refusals = problems(
    MissingToken,
    InvalidToken,
    SongNotFound,
    BodyTooLarge,
    InvalidRequest,
    PlayOutOfTime,
    LogUnavailable,
    LogBusy,
    LogFull,
    Unreachable,
)


@router.post(
    "/songs/{song_id}/play",
    status_code=202,
    responses={
        202: {
            "description": "The play is on disk.",
            "content": {"application/json": {"schema": _schemas["PlayOut"]}},
        },
        **_refusals,
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": _schemas["PlayIn"]}}}
    },
)
async def record(
    request: Request, song_id: Annotated[int, Path(ge=1, le=BIGGEST_ID)], listener: Listener
) -> Response:
    """Tell us that a song is played, or with `played_ms` that it was. Send it again if unsure: it counts once."""
    playback: Playback = request.app.state.playback
    play = await playback.record(listener.user_id, SongId(song_id), _told(await _body(request)))
    answer = PlayOut(play.play_id, play.song_id, play.kind, play.started_at, play.received_at)
    return Response(_encode(answer), status_code=202, media_type="application/json")


async def _body(request: Request) -> bytes:
    """The request's body. Raises BodyTooLarge, without reading further: by its header alone, where it tells."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > BIGGEST_BODY:
        raise BodyTooLarge(BIGGEST_BODY)
    body = bytearray()
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            if len(body) + len(chunk) > BIGGEST_BODY:
                raise BodyTooLarge(BIGGEST_BODY)
            body += chunk
    return bytes(body)


def _told(body: bytes) -> PlayIn:
    """The play that a body holds. Raises InvalidRequest, which names the field."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        what, _, where = str(error).partition(" - at `$")
        errors = [{"where": "body" + where.rstrip("`"), "what": what}]
        raise InvalidRequest(f"{errors[0]['where']}: {what}", errors=errors) from error
