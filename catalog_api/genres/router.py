"""Genres over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AfterValidator, StringConstraints

from catalog_api.genres.errors import GenreExists, GenreInUse, GenreNotFound, GenreUnknown
from catalog_api.genres.schemas import GenreIn, GenreOut, GenresOut
from catalog_api.genres.service import GENRES, GenreEditor, Genres
from foundation.cache import Cache
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.http.idempotency import IdempotencyKeyReused
from foundation.http.inputs import storable
from foundation.http.principal import Admin, Anyone, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Writes
from foundation.security import InvalidToken

router = APIRouter(tags=["genres"], route_class=Route)

GenreName = Annotated[str, StringConstraints(min_length=1, max_length=1000), AfterValidator(storable)]


async def editing(request: Request, db: Writes) -> GenreEditor:
    """The genres, for a request that changes them."""
    return GenreEditor(db, request.app.state.cache)


Editing = Annotated[GenreEditor, Depends(editing)]


@router.get("/genres", response_model=GenresOut, responses=dict(problems(InvalidToken, Unreachable)))
async def genres(request: Request, asking: Anyone) -> Response:
    """All genres, by name, with the genre that each is a kind of."""
    cache: Cache = request.app.state.cache
    postgres: Postgres = request.app.state.postgres

    async def make() -> bytes:
        async with postgres.reading() as db:
            return (await Genres(db).everything()).model_dump_json().encode()

    key = GENRES.key()
    answer = await cache.of(GENRES, key, make)
    body = await make() if answer is None else answer.body
    return Response(body, media_type="application/json")


@router.post(
    "/genres",
    status_code=201,
    responses=dict(
        problems(
            MissingToken,
            InvalidToken,
            NotAllowed,
            GenreExists,
            GenreUnknown,
            InvalidRequest,
            IdempotencyKeyReused,
            Unreachable,
        )
    ),
)
async def add_genre(asking: Admin, told: GenreIn, genres: Editing) -> GenreOut:
    """Add a genre, so that songs may have it: for administrators."""
    return await genres.add(told)


@router.delete(
    "/genres/{name}",
    status_code=204,
    responses=dict(
        problems(
            MissingToken, InvalidToken, NotAllowed, GenreNotFound, GenreInUse, InvalidRequest, Unreachable
        )
    ),
)
async def remove_genre(name: GenreName, asking: Admin, genres: Editing) -> None:
    """Take out a genre that no song and no other genre names: for administrators."""
    await genres.remove(name)
