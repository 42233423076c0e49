"""Songs over HTTP."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from catalog_api.songs.errors import SongNotFound
from catalog_api.songs.schemas import SongOut
from catalog_api.songs.service import Songs
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.problems import InvalidRequest, problems
from foundation.ids import SongId

router = APIRouter(prefix="/songs", tags=["songs"])
BIGGEST_ID = 2**63 - 1


async def _songs(request: Request) -> AsyncIterator[Songs]:
    postgres: Postgres = request.app.state.postgres
    async with postgres.reading() as db:
        yield Songs(db)


ReadingSongs = Annotated[Songs, Depends(_songs, scope="function")]


@router.get("/{song_id}", responses=dict(problems(SongNotFound, InvalidRequest, Unreachable)))
async def song(song_id: Annotated[int, Path(ge=1, le=BIGGEST_ID)], songs: ReadingSongs) -> SongOut:
    """What the catalog knows about a song."""
    return await songs.by_id(SongId(song_id))
