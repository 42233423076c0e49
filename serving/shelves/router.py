"""Home, mixes, radio and what to play next over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.security import InvalidToken
from serving.recommend.asked import SEEDS, UnknownSeed
from serving.recommend.errors import NoModel
from serving.recommend.router import Context, Excluded, Familiarity, Limit, Service, answered, named
from serving.recommend.schemas import EXAMPLE, Slate
from serving.recommend.service import Ask
from serving.shelves.home import HomePage
from serving.shelves.mixes import MixMaker
from serving.shelves.schemas import HOME, MIXES, Home, Mixes, encoded

router = APIRouter(tags=["recommendations"])
LAST = 3  # songs of a session that say how it goes on


def _answers(answer: type, example: dict[str, Any], said: str, *refusals: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": openapi_schema(answer), "example": example}}
    told = problems(MissingToken, InvalidToken, InvalidRequest, NoModel, *refusals)
    return {"response_class": Response, "responses": {200: {"description": said, "content": content}, **told}}


@router.get("/home", **_answers(Home, HOME, "The shelves that have something on them."))
async def home(
    listener: Listener,
    service: Service,
    limit: Annotated[int, Query(ge=1, le=50, description="How many songs a shelf has at most.")] = 12,
) -> Response:
    """Your home page: what to go on with, what is made for you and why, what is new, rising, and to discover."""
    page = await HomePage(service).of(listener.user_id, limit)
    return Response(encoded(page), media_type="application/json")


@router.get("/recommendations/mixes", **_answers(Mixes, MIXES, "The mixes that hold now."))
async def mixes(listener: Listener, service: Service) -> Response:
    """Your mixes of today, one for each mood, and this week's discoveries, each until it expires."""
    found = await MixMaker(service).of(listener.user_id)
    return Response(encoded(found), media_type="application/json")


@router.get(
    "/radio", **_answers(Slate, EXAMPLE, "Songs like the seeds, in the order to play them.", UnknownSeed)
)
async def radio(
    listener: Listener,
    service: Service,
    seed: Annotated[
        list[Annotated[str, StringConstraints(pattern=SEEDS)]],
        Query(
            min_length=1,
            max_length=20,
            description="What it plays like: `song:ID`, `artist:ID`, `genre:NAME`, or `text:WORDS`.",
        ),
    ],
    limit: Limit = 25,
    familiarity: Familiarity = 0.2,
    exclude: Excluded = None,
    context: Context = None,
) -> Response:
    """A radio from a seed: ask again with the songs played so far as `context`, and it goes on without repeating them."""
    ask = Ask(limit, named(seed), named(exclude), named(context), familiarity, surface="radio")
    return answered(await service.slate(listener, listener.user_id, ask))


@router.get("/next", **_answers(Slate, EXAMPLE, "Songs in the order to play them."))
async def play_next(
    listener: Listener,
    service: Service,
    limit: Limit = 10,
    familiarity: Familiarity = 0.3,
    exclude: Excluded = None,
    context: Context = None,
) -> Response:
    """What to play when the queue ends: songs like the last of `context`, else like those that you heard last."""
    ask = Ask(limit, (), named(exclude), named(context), familiarity, surface="next", goes_on=LAST)
    return answered(await service.slate(listener, listener.user_id, ask))
