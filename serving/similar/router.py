"""Songs like a song and artists like an artist, encoded once and not validated again."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from foundation.engines.vectors.port import UnknownPoint
from foundation.errors import Unreachable
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.ids import ArtistId, SongId
from serving.similar.errors import NothingPublished, UnknownArtist, UnknownSong
from serving.similar.neighbours import ArtistSpaces, Lengths
from serving.similar.schemas import (
    ARTIST_EXAMPLE,
    EXAMPLE,
    By,
    SimilarArtists,
    SimilarSongs,
    encoded,
)
from serving.similar.service import Similar

router = APIRouter(tags=["songs"])
BIGGEST_ID = 2**63 - 1
_lengths, _artists = Lengths(), ArtistSpaces()  # one for the process, which serves one bundle at a time


async def similar_songs(request: Request) -> Similar:
    """The service over what the application opened."""
    return Similar(request.app.state.live, request.app.state.vectors, _lengths, _artists)


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
            "alike. `sessions`: they are often played together, in one sitting. Default: by listening where anybody has listened to the song, else by text."
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


@router.get(
    "/artists/{artist_id}/similar",
    response_class=Response,
    responses={
        200: {
            "description": "The artists most like them, the most alike first.",
            "content": {
                "application/json": {"schema": openapi_schema(SimilarArtists), "example": ARTIST_EXAMPLE}
            },
        },
        **problems(UnknownArtist, InvalidRequest, NothingPublished),
    },
)
async def similar_to_artist(
    artist_id: Annotated[int, Path(ge=1, le=BIGGEST_ID)],
    service: Annotated[Similar, Depends(similar_songs)],
    limit: Annotated[int, Query(ge=1, le=100, description="How many artists.")] = 20,
) -> Response:
    """Tell to which artists the same people listen as to one; an artist whom nobody has listened to has none like them."""
    found = await asyncio.to_thread(service.to_artist, ArtistId(artist_id), limit)
    return Response(encoded(found), media_type="application/json")
