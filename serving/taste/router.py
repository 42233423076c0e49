"""Feedback, taste and previews over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Response

from event_log.errors import LogBusy, LogFull, LogUnavailable
from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.principal import Listener
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.schemas import openapi_schema
from foundation.ids import SongId
from serving.recommend.router import Service
from serving.similar.errors import UnknownArtist, UnknownSong
from serving.taste import schemas
from serving.taste.errors import NoFeedback, RunsOutBefore
from serving.taste.schemas import (
    FeedbackIn,
    FeedbackList,
    FeedbackOut,
    Kind,
    Preview,
    PreviewIn,
    Taste,
    encoded,
)
from serving.taste.service import Tasting

router = APIRouter(prefix="/recommendations", tags=["recommendations"], route_class=Route)
LOG = (LogBusy, LogFull, LogUnavailable)


async def _tasting(service: Service) -> Tasting:
    return Tasting(service)


Asked = Annotated[Tasting, Depends(_tasting)]


def _answers(answer: type, example: dict[str, Any], said: str, *refusals: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": openapi_schema(answer), "example": example}}
    told = {200: {"description": said, "content": content}, **problems(*refusals)}
    return {"response_class": Response, "responses": told}


def _json(answer: FeedbackOut | FeedbackList | Taste | Preview) -> Response:
    return Response(encoded(answer), media_type="application/json")


@router.post(
    "/feedback",
    **_answers(
        FeedbackOut,
        schemas.FEEDBACK,
        "The wish as it is kept.",
        UnknownSong,
        UnknownArtist,
        RunsOutBefore,
        *LOG,
    ),
)
async def give_feedback(told: FeedbackIn, listener: Listener, tasting: Asked) -> Response:
    """Ask for more or less of a song, an artist or a genre, or never again, for good or until a date.

    It holds for your next request. A later wish about the same thing takes the place of an earlier one.
    """
    return _json(await tasting.give(listener.user_id, told))


@router.get(
    "/feedback",
    **_answers(
        FeedbackList, {"items": [schemas.FEEDBACK]}, "All wishes that hold, the newest first.", Unreachable
    ),
)
async def feedback(listener: Listener, tasting: Asked) -> Response:
    """Everything you told us of your recommendations that still holds."""
    return _json(await tasting.all_of(listener.user_id))


@router.delete("/feedback/{kind}/{about}", status_code=204, responses=dict(problems(NoFeedback, *LOG)))
async def take_feedback_back(
    kind: Kind | Literal["taste"],
    about: Annotated[
        str,
        Path(
            pattern=r"^([0-9]{1,18}|[^\x00-\x1f\x7f-\x9f/]{1,64})$",
            description="The id of the song or artist, or the name of the genre; 0 of kind `taste`.",
        ),
    ],
    listener: Listener,
    tasting: Asked,
) -> None:
    """Take a wish back: what you wanted forgotten counts again."""
    if kind != "genre" and not (about.isascii() and about.isdigit()):
        raise NoFeedback(f"the id of a {kind} is a number", kind=kind)
    await tasting.take_back(listener.user_id, kind, about)


@router.get("/taste", **_answers(Taste, schemas.TASTE, "What is thought of your taste."))
async def taste(listener: Listener, tasting: Asked) -> Response:
    """What we think of you: your genres, artists and songs, and how much each counts."""
    return _json(await tasting.taste(listener.user_id))


@router.delete("/taste", status_code=204, responses=dict(problems(*LOG)))
async def forget_taste(listener: Listener, tasting: Asked) -> None:
    """Begin anew: nothing that you have heard so far counts for your taste any more. Heard songs still do not come back."""
    await tasting.forget(listener.user_id, None)


@router.delete("/taste/songs/{song_id}", status_code=204, responses=dict(problems(UnknownSong, *LOG)))
async def forget_song(song_id: Id, listener: Listener, tasting: Asked) -> None:
    """Take a song out of what we think of you; your next feed follows."""
    await tasting.forget(listener.user_id, SongId(song_id))


@router.post("/preview", **_answers(Preview, schemas.PREVIEW, "The feed as it is, and as it would be."))
async def preview(change: PreviewIn, listener: Listener, tasting: Asked) -> Response:
    """What would change in your feed if you loved, hid, forgot or played these songs. Nothing is kept."""
    return _json(await tasting.preview(listener.user_id, change))
