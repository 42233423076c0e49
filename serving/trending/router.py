"""GET /songs/trending and /artists/trending: charts, from memory."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from serving.trending.answers import encoded
from serving.trending.schemas import (
    ARTIST_EXAMPLE,
    EXAMPLE,
    ArtistChartOut,
    Asked,
    ChartOut,
    Kind,
    Of,
    View,
)
from serving.trending.windows import Window

router = APIRouter()

Genre = Annotated[str, Query(max_length=100, description="One genre, in any case; default: all.")]
Region = Annotated[
    str,
    Query(
        pattern="^([A-Za-z]{2})?$", description="One country, ISO 3166-1 alpha-2, in any case; default: all."
    ),
]
Over = Annotated[Window, Query(description="How far back: to a minute, an hour, an hour and a day.")]
By = Annotated[
    Kind,
    Query(
        description="`most_played`, or `rising`: more than its own past lets expect, smoothed: few plays are no trend."
    ),
]
Seen = Annotated[
    View,
    Query(description="`raw`, or `cleaned`: at most three listens of a listener to a song on a day count."),
]
Limit = Annotated[int, Query(ge=1, le=100, description="How many.")]


def _responses(answer: type, example: Mapping[str, Any]) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "description": "The first of the chart. `since` and `until` say what was counted, `stale` whether it is old.",
            "content": {"application/json": {"schema": openapi_schema(answer), "example": example}},
        },
        **problems(InvalidRequest),
    }


@router.get(
    "/songs/trending", tags=["songs"], response_class=Response, responses=_responses(ChartOut, EXAMPLE)
)
async def trending(
    request: Request,
    genre: Genre = "",
    region: Region = "",
    window: Over = "week",
    kind: By = "most_played",
    view: Seen = "raw",
    limit: Limit = 50,
) -> Response:
    """Tell which songs are listened to most, or more than ever, over a window, in a genre and a region."""
    return _answer(request, "songs", genre, region, (window, kind, view), limit)


@router.get(
    "/artists/trending",
    tags=["artists"],
    response_class=Response,
    responses=_responses(ArtistChartOut, ARTIST_EXAMPLE),
)
async def trending_artists(
    request: Request,
    genre: Genre = "",
    region: Region = "",
    window: Over = "week",
    kind: By = "most_played",
    view: Seen = "raw",
    limit: Limit = 50,
) -> Response:
    """Tell which artists are: by the listens of their songs, of those in a genre where one is named."""
    return _answer(request, "artists", genre, region, (window, kind, view), limit)


def _answer(
    request: Request, of: Of, genre: str, region: str, order: tuple[Window, Kind, View], limit: int
) -> Response:
    asked = Asked(of, *order, genre.lower() or None, region.upper() or None)
    return Response(encoded(request.app.state.trending.charts, asked, limit), media_type="application/json")
