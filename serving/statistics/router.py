"""The statistics of a listener, of an artist and of the platform over HTTP."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import AwareDatetime

from foundation.errors import Unreachable
from foundation.http.inputs import Id
from foundation.http.principal import Analyst, Listener, NotAllowed
from foundation.http.problems import problems
from foundation.http.route import Route
from foundation.http.schemas import openapi_schema
from foundation.ids import ArtistId
from serving.statistics import examples, schemas
from serving.statistics.errors import AskedTooMuch, BackToFront, UnknownArtist, UnknownTimeZone
from serving.statistics.periods import Range
from serving.statistics.platform import Subject
from serving.statistics.service import Days, Statistics

router = APIRouter(tags=["statistics"], route_class=Route)

Since = Annotated[date, Query(alias="from", description="The first day (UTC).")]
Until = Annotated[date, Query(alias="to", description="The last day, which is included.")]
AsOf = Annotated[
    AwareDatetime | None, Query(description="Answer as was known at this moment; default: as is known now.")
]


async def statistics(request: Request) -> Statistics:
    """The service over what the application opened."""
    state = request.app.state
    return Statistics(state.warehouse, state.cache, state.artists, state.now)


Asked = Annotated[Statistics, Depends(statistics)]


def _answers(answer: type, example: dict[str, Any], said: str) -> dict[str, Any]:
    content = {"application/json": {"schema": openapi_schema(answer), "example": example}}
    return {"response_class": Response, "responses": {200: {"description": said, "content": content}}}


def _told(*refusals: Any, **named: Any) -> dict[str, Any]:
    return {**named, "responses": {**named["responses"], **problems(*refusals, Unreachable, AskedTooMuch)}}


@router.get(
    "/me/statistics",
    **_told(
        UnknownTimeZone,
        **_answers(schemas.ListenerStatistics, examples.LISTENER, "What you listened to, added up."),
    ),
)
async def of_listener(
    listener: Listener,
    service: Asked,
    range_: Annotated[
        Range, Query(alias="range", description="`this_…` up to now, `last_…` before that.")
    ] = "this_week",
    as_of: AsOf = None,
    tz: Annotated[str, Query(max_length=64, description="Whose clocks, by its IANA name.")] = "UTC",
    limit: Annotated[int, Query(ge=1, le=100, description="How many songs, artists and genres.")] = 20,
) -> Response:
    """Tell what you listened to in a range: top songs, artists and genres, hours, streaks, diversity, what was new.

    Private sessions are not in it. Titles and genres are as the catalog has them now, also with `as_of`.
    """
    return _json(await service.of_listener(listener, range_, as_of=as_of, tz=tz, limit=limit))


@router.get(
    "/artists/{artist_id}/statistics",
    **_told(
        NotAllowed,
        UnknownArtist,
        BackToFront,
        **_answers(schemas.ArtistStatistics, examples.ARTIST, "Who listened to the artist, and how."),
    ),
)
async def of_artist(
    artist_id: Id, asking: Listener, service: Asked, since: Since, until: Until, as_of: AsOf = None
) -> Response:
    """Tell an artist's owner, analysts and admins who listened: by day, country and source, new and returning, and where they left.

    The ends of plays and the playlists that carry the artist are those known now, also with `as_of`. Of playlists only public
    ones are named.
    """
    return _json(await service.of_artist(asking, ArtistId(artist_id), Days.of(since, until), as_of))


def _of_platform(subject: Subject, answer: type, example: dict[str, Any], said: str, sentence: str) -> None:
    """Add `GET /analytics/SUBJECT`."""

    async def endpoint(asking: Analyst, service: Asked, since: Since, until: Until) -> Response:
        return _json(await service.of_platform(subject, Days.of(since, until)))

    endpoint.__doc__ = sentence
    endpoint.__name__ = f"analytics_{subject}"
    router.get(f"/analytics/{subject}", **_told(BackToFront, **_answers(answer, example, said)))(endpoint)


_of_platform(
    "activity",
    schemas.Activity,
    examples.ACTIVITY,
    "Every day of the stretch.",
    "Tell how many listened each day, and in the 7 and 30 days that end with it; private sessions left out.",
)
_of_platform(
    "retention",
    schemas.Retention,
    examples.RETENTION,
    "The weekly cohorts, the oldest first.",
    "Tell of those who first listened in a week how many listened in each week since.",
)
_of_platform(
    "recommendations",
    schemas.RecommendationStatistics,
    examples.RECOMMENDATIONS,
    "What was served, and what came of it.",
    "Tell of each surface and policy what was shown, played and listened to, and how much of the catalogue it showed.",
)


def _json(body: bytes) -> Response:
    return Response(body, media_type="application/json")
