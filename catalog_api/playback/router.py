"""Plays over HTTP: the busiest endpoint, so its body is decoded and answered without a model in between."""

from functools import partial
from typing import Any, TypeVar

import msgspec
from fastapi import APIRouter, Request, Response

from catalog_api.playback.errors import BodyTooLarge, PlayOutOfTime
from catalog_api.playback.schemas import HeartbeatIn, PlayIn, PlayOut, PlaysIn, PlaysOut, RefusedPlay
from catalog_api.playback.service import Playback
from catalog_api.songs.errors import SongNotFound
from event_log.errors import LogBusy, LogFull, LogUnavailable
from foundation.contracts.events import PlaybackEvent
from foundation.errors import Unreachable
from foundation.http.hot import HotRequest, HotRouter, MakeReady, Ready
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.ids import BIGGEST_ID, SongId
from foundation.security import InvalidToken, Principal

Body = TypeVar("Body")

BIGGEST_BODY = 16 * 1024  # bytes; a play with every field takes some 250
BIGGEST_BATCH = 512 * 1024  # of a thousand plays with every field some 300,000

hot = HotRouter(prefix="/songs", tags=["playback"])
router = APIRouter(tags=["playback"])
_encode = msgspec.json.Encoder().encode
_play_in: "msgspec.json.Decoder[PlayIn | HeartbeatIn]" = msgspec.json.Decoder(PlayIn)
_heartbeat_in: "msgspec.json.Decoder[PlayIn | HeartbeatIn]" = msgspec.json.Decoder(HeartbeatIn)
_plays_in = msgspec.json.Decoder(PlaysIn)
_PLAY_ID = "019a9f3c-5d20-7c5e-9b7e-2f6d1c0a4e11"
_told = {"play_id": _PLAY_ID, "played_ms": 45_000}
_answered = {
    "play_id": _PLAY_ID,
    "song_id": 98765,
    "kind": "end",
    "started_at": "2026-03-01T11:59:15Z",
    "received_at": "2026-03-01T12:00:00Z",
}
_batch = {
    "plays": [
        {"song_id": 98765, **_told},
        {"song_id": 98766, "play_id": "019a9f3c-8a11-7d0a-8f51-6b2c9d3e7f20"},
    ]
}
_REFUSALS = (
    MissingToken,
    InvalidToken,
    SongNotFound,
    BodyTooLarge,
    PlayOutOfTime,
    LogUnavailable,
    LogBusy,
    LogFull,
    Unreachable,
)


def _body(schema: object, example: object) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


def _on_disk(schema: object, example: object) -> dict[int | str, dict[str, Any]]:
    content = {"application/json": {"schema": schema, "example": example}}
    return {202: {"description": "What is accepted is on disk.", "content": content}}


def _ready(decoder: "msgspec.json.Decoder[PlayIn | HeartbeatIn]") -> MakeReady:
    """What makes a told play ready without waiting; all that is refused is left to the endpoint."""

    def ready(request: HotRequest, listener: Principal, body: bytes) -> Ready | None:
        if not 0 < request.id <= BIGGEST_ID:
            return None
        playback: Playback = request.state.playback
        try:
            told = decoder.decode(body)
            play = playback.held(listener.user_id, SongId(request.id), told, country=_country(request))
        except (msgspec.DecodeError, PlayOutOfTime):
            return None
        return None if play is None else Ready(202, _answer(play), partial(playback.record_then, play))

    return ready


@hot.post(
    "/{song_id}/play",
    202,
    *_REFUSALS,
    ready=_ready(_play_in),
    biggest=BIGGEST_BODY,
    responses=_on_disk(openapi_schema(PlayOut), _answered),
    openapi_extra=_body(openapi_schema(PlayIn), _told),
)
async def record(request: HotRequest) -> tuple[int, bytes]:
    """Tell us that a song is played, or with `played_ms` that it was. Send it again if unsure: it counts once."""
    return await _recorded(request, _play_in)


@hot.post(
    "/{song_id}/heartbeat",
    202,
    *_REFUSALS,
    ready=_ready(_heartbeat_in),
    biggest=BIGGEST_BODY,
    responses=_on_disk(openapi_schema(PlayOut), _answered | {"kind": "heartbeat"}),
    openapi_extra=_body(openapi_schema(HeartbeatIn), _told),
)
async def heartbeat(request: HotRequest) -> tuple[int, bytes]:
    """Tell us how far a play has come, every half minute or so and when it pauses: it counts though its end is never told."""
    return await _recorded(request, _heartbeat_in)


async def _recorded(
    request: HotRequest, decoder: "msgspec.json.Decoder[PlayIn | HeartbeatIn]"
) -> tuple[int, bytes]:
    listener = request.principal
    if listener is None:
        raise MissingToken("send an access token: Authorization: Bearer …")
    playback: Playback = request.state.playback
    told = _decoded(decoder, await request.body(BIGGEST_BODY, BodyTooLarge))
    play = await playback.record(listener.user_id, SongId(request.id), told, country=_country(request))
    return 202, _answer(play)


@router.post(
    "/plays",
    status_code=202,
    response_class=Response,
    responses={
        **_on_disk(openapi_schema(PlaysOut), {"accepted": 2, "refused": []}),
        **problems(
            *(refusal for refusal in _REFUSALS if refusal not in (SongNotFound, PlayOutOfTime)),
            InvalidRequest,
        ),
    },
    openapi_extra=_body(openapi_schema(PlaysIn), _batch),
)
async def record_all(request: Request, listener: Listener) -> Response:
    """Tell us of up to a thousand plays at once; those that cannot be taken are named, and all others are on disk."""
    hot_request = HotRequest(request.scope, request.receive, 0)
    told = _decoded(_plays_in, await hot_request.body(BIGGEST_BATCH, BodyTooLarge))
    playback: Playback = request.app.state.playback
    outcomes = await playback.record_all(listener.user_id, told.plays, country=_country(hot_request))
    refused = [
        RefusedPlay(index, told.plays[index].play_id, refusal.code(), refusal.detail)
        for index, refusal in enumerate(outcomes)
        if refusal is not None
    ]
    answer = PlaysOut(accepted=len(outcomes) - len(refused), refused=refused)
    return Response(_encode(answer), status_code=202, media_type="application/json")


def _answer(play: PlaybackEvent) -> bytes:
    return _encode(PlayOut(play.play_id, play.song_id, play.kind, play.started_at, play.received_at))


def _country(request: HotRequest) -> str | None:
    """What the edge in front of us says of where the request comes from, if one is trusted to."""
    header: str = request.state.settings.http.country_header
    told = request.header(header.lower().encode("latin-1")) if header else None
    return None if told is None else told.decode("latin-1")


def _decoded(decoder: "msgspec.json.Decoder[Body]", body: bytes) -> Body:
    """What a body holds. Raises InvalidRequest, which names the field."""
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        what, _, where = str(error).partition(" - at `$")
        errors = [{"where": "body" + where.rstrip("`"), "what": what}]
        raise InvalidRequest(f"{errors[0]['where']}: {what}", errors=errors) from error
