"""GET /songs/{song_id}/similar: songs like a song, encoded once and not validated again."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from foundation.engines.vectors.port import UnknownPoint
from foundation.errors import Unreachable
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.ids import SongId
from serving.similar.errors import NothingPublished, UnknownSong
from serving.similar.neighbours import Lengths
from serving.similar.schemas import EXAMPLE, By, SimilarSongs, encoded
from serving.similar.service import Similar

router = APIRouter(tags=["songs"])
BIGGEST_ID = 2**63 - 1
_lengths = Lengths()  # one for the process, which serves one bundle at a time


async def similar_songs(request: Request) -> Similar:
    """The service over what the application opened."""
    return Similar(request.app.state.live, request.app.state.vectors, _lengths)


@router.get(
    "/songs/{song_id}/similar",
    response_class=Response,
    responses={
        200: {
            "description": "The songs most like it, the most alike first.",
            "content": {"application/json": {"schema": openapi_schema(SimilarSongs), "example": EXAMPLE}},
        },
        **problems(UnknownSong, UnknownPoint, InvalidRequest, NothingPublished, Unreachable),
    },
)
async def similar(
    song_id: Annotated[int, Path(ge=1, le=BIGGEST_ID)],
    service: Annotated[Similar, Depends(similar_songs)],
    by: Annotated[
        By | None,
        Query(
            description="`listening`: the same people listen to them. `text`: title, artist, genre and lyrics are "
            "alike. Default: by listening where anybody has listened to the song, else by text."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many songs.")] = 20,
) -> Response:
    """Tell which songs are most like one, and by which model of which published version.

    A song that nobody has listened to has neighbours by its words, and none by listening.
    """
    # In a thread: a vector server that hangs, or a large product, must not stop this process's other requests.
    found = await asyncio.to_thread(service.to, SongId(song_id), limit, by)
    return Response(encoded(found), media_type="application/json")
