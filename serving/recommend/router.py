"""GET /recommendations: a listener's personal feed, encoded once and not validated again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from foundation import metrics
from foundation.http.principal import Listener, MissingToken, NotAllowed
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.ids import UserId
from foundation.security import InvalidToken
from foundation.telemetry import span
from serving.recommend.errors import NoModel, UnknownListener
from serving.recommend.history import FOLDED
from serving.recommend.schemas import EXAMPLE, Slate, encoded
from serving.recommend.service import Recommendations

router = APIRouter(tags=["recommendations"])


async def recommendations(request: Request) -> Recommendations:
    """The service over what the application opened."""
    state = request.app.state
    return Recommendations(state.live, state.recent, state.trending, state.log, state.now)


@router.get(
    "/recommendations",
    response_class=Response,
    responses={
        200: {
            "description": "Songs the listener has not heard, best first, each with its reason.",
            "content": {"application/json": {"schema": openapi_schema(Slate), "example": EXAMPLE}},
        },
        **problems(MissingToken, InvalidToken, NotAllowed, UnknownListener, InvalidRequest, NoModel),
    },
)
async def recommend(
    listener: Listener,
    service: Annotated[Recommendations, Depends(recommendations)],
    user_id: Annotated[
        int | None,
        Query(
            ge=1, le=2**63 - 1, description="Another listener, for analysts and admins; default: the token's."
        ),
    ] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="How many songs.")] = 20,
) -> Response:
    """Recommend songs the listener has not heard, naming the model's version and a reason for each song.

    A listener without history gets what is trending. `stale` names what the answer had to do without.
    """
    with span("recommend"):
        slate = await service.slate(listener, listener.user_id if user_id is None else UserId(user_id), limit)
    metrics.slates_served.labels(slate.policy).inc()
    if slate.policy == FOLDED:
        metrics.fold_ins.inc()
    return Response(encoded(slate), media_type="application/json")
