"""GET /recommendations: a listener's personal feed, encoded once and not validated again."""

from collections.abc import Callable
from datetime import datetime
from functools import cache, partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints
from starlette.datastructures import State

from foundation import metrics
from foundation.http.principal import Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.ids import BIGGEST_ID, UserId
from foundation.security import InvalidToken, Principal
from foundation.telemetry import span
from serving.recommend.asked import SEEDS, SONGS, THINGS, Named, UnknownSeed
from serving.recommend.errors import NoModel, UnknownListener
from serving.recommend.history import FOLDED
from serving.recommend.kept import Again
from serving.recommend.schemas import EXAMPLE, Slate, encoded
from serving.recommend.service import Ask, Recommendations

router = APIRouter(tags=["recommendations"])

Limit = Annotated[int, Query(ge=1, le=100, description="How many songs.")]
SeedNames = Annotated[
    list[Annotated[str, StringConstraints(pattern=SEEDS)]] | None,
    Query(
        max_length=20,
        description="What the list shall be like, one or more: `song:ID`, `artist:ID`, `genre:NAME`, or `text:WORDS`.",
    ),
]
Familiarity = Annotated[
    float,
    Query(ge=0, le=1, description="The part of the list that may be songs the listener has heard before."),
]
Excluded = Annotated[
    list[Annotated[str, StringConstraints(pattern=THINGS)]] | None,
    Query(max_length=500, description="What shall not be on the list: `song:ID`, `artist:ID`, `genre:NAME`."),
]
Context = Annotated[
    list[Annotated[str, StringConstraints(pattern=SONGS)]] | None,
    Query(
        max_length=100,
        description="The songs of this session so far, `song:ID`, the last one last: they steer the list as listens do, "
        "and are not repeated.",
    ),
]


def service_of(state: State) -> Recommendations:
    """The service over what the application opened."""
    return Recommendations(
        state.live,
        state.online,
        state.rights,
        state.near,
        state.trending,
        state.vectors,
        state.log,
        state.now,
        state.kept_feeds,
    )


async def recommendations(request: Request) -> Recommendations:
    """The same, of a request."""
    return service_of(request.app.state)


Service = Annotated[Recommendations, Depends(recommendations)]


def named(names: list[str] | None) -> tuple[Named, ...]:
    """What the values of a parameter name."""
    return tuple(Named.of(name) for name in names or ())


@router.get(
    "/recommendations",
    response_class=Response,
    responses={
        200: {
            "description": "Songs for the listener, best first, each with its reason.",
            "content": {"application/json": {"schema": openapi_schema(Slate), "example": EXAMPLE}},
        },
        **problems(
            MissingToken,
            InvalidToken,
            NotAllowed,
            UnknownListener,
            UnknownSeed,
            InvalidRequest,
            NoModel,
        ),
    },
)
async def recommend(
    listener: Listener,
    service: Service,
    user_id: Annotated[
        int | None,
        Query(
            ge=1,
            le=BIGGEST_ID,
            description="Another listener, for analysts and admins; default: the token's.",
        ),
    ] = None,
    limit: Limit = 20,
    seed: SeedNames = None,
    familiarity: Familiarity = 0.0,
    exclude: Excluded = None,
    context: Context = None,
) -> Response:
    """Recommend songs, naming the model's version and a reason for each song.

    They have not been heard, unless `familiarity` asks for some that have. Never among them is what the listener hides,
    what their preferences or their country leave out, or what is in the catalog no more. A listener without history gets
    the genres they picked and what is trending. `stale` names what the answer had to do without.
    """
    ask = Ask(limit, named(seed), named(exclude), named(context), familiarity)
    with span("recommend"):
        slate = await service.slate(listener, listener.user_id if user_id is None else UserId(user_id), ask)
    return answered(slate)


# What is asked for by who asks for nothing in particular, by the query.
PLAIN = {b"": Ask(20)} | {b"limit=%d" % limit: Ask(limit) for limit in range(1, 101)}


def kept_slate(state: State, principal: Principal, query: bytes) -> Callable[[], tuple[bytes, ...]] | None:
    """What `recommend` answers to who asks for their own list, where that is at hand."""
    ask = PLAIN.get(query)
    if ask is None:
        return None
    # To make the service, as every other request does, would cost as much as all the rest here.
    service: Recommendations | None = getattr(state, "recommendations", None)
    if service is None:
        service = state.recommendations = service_of(state)
    found = service.at_hand(principal.user_id, ask)
    return None if found is None else partial(given, service, *found)


def given(service: Recommendations, again: Again, at: datetime) -> tuple[bytes, ...]:
    """A list that is given again, counted."""
    count(again.policy)
    return service.given(again, at)


@cache
def served(policy: str) -> metrics.Gathered:
    """The counter of a policy's slates."""
    return metrics.Gathered(metrics.slates_served.labels(policy))


folded = metrics.Gathered(metrics.fold_ins).inc


def count(policy: str) -> None:
    """Count a slate that is answered."""
    served(policy).inc()
    if policy == FOLDED:
        folded()


def answered(slate: Slate) -> Response:
    """A slate as an answer, counted."""
    count(slate.policy)
    return Response(encoded(slate), media_type="application/json")
