"""GET /songs/trending: the chart, from memory."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from serving.trending.schemas import EXAMPLE, ChartOut
from serving.trending.service import Trending

router = APIRouter(tags=["songs"])

_encoder = msgspec.json.Encoder()


@router.get(
    "/songs/trending",
    response_class=Response,
    responses={
        200: {
            "description": "The songs most listened to in the window, most first.",
            "content": {"application/json": {"schema": openapi_schema(ChartOut), "example": EXAMPLE}},
        },
        **problems(InvalidRequest),
    },
)
async def trending(
    request: Request, limit: Annotated[int, Query(ge=1, le=100, description="How many songs.")] = 50
) -> Response:
    """What everyone listened to most on the last seven days that have listens."""
    chart: Trending = request.app.state.trending
    return Response(_encoder.encode(chart.told(limit)), media_type="application/json")
