"""GET /songs/trending, and the same of artists, albums, playlists and searches: charts, from memory."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field

from foundation.errors import Problem, Unreachable
from foundation.http.principal import Anyone
from foundation.http.problems import InvalidRequest, problems
from foundation.http.schemas import openapi_schema
from foundation.security import InvalidToken
from serving.trending.answers import answer
from serving.trending.playlists import EveryonesPlaylists, PublicPlaylists
from serving.trending.schemas import SHAPES, Asked, Kind, Of, View, example
from serving.trending.windows import Window

router = APIRouter()


class ChartQuery(BaseModel):
    """Which chart, and how much of it."""

    genre: str = Field(
        default="", max_length=100, description="One genre of songs, in any case; default: all."
    )
    region: str = Field(
        default="",
        pattern="^([A-Za-z]{2})?$",
        description="One country, ISO 3166-1 alpha-2, in any case; default: all.",
    )
    window: Window = Field(
        default="week", description="How far back: to a minute, an hour, an hour and a day."
    )
    kind: Kind = Field(
        default="most_played",
        description="`most_played`, or `rising`: more than its own past lets expect, smoothed: few plays are no trend.",
    )
    view: View = Field(
        default="raw",
        description="`raw`, or `cleaned`: at most three listens of a listener to a song on a day count.",
    )
    limit: int = Field(default=50, ge=1, le=100, description="How many.")

    def asked(self, of: Of) -> Asked:
        """The chart of songs, artists, …"""
        genre, region = self.genre.lower() or None, self.region.upper() or None
        return Asked(of, self.window, self.kind, self.view, genre, region)


class SearchChartQuery(ChartQuery):
    """The same of searches, which have no genre."""

    genre: str = Field(default="", max_length=0, description="Searches have no genre: leave it out.")
    view: View = Field(
        default="raw",
        description="`raw`, or `cleaned`: at most three searches of a listener for the same on a day count.",
    )


async def _everyones(request: Request) -> PublicPlaylists:
    """Whoever asks."""
    public: PublicPlaylists = request.app.state.public_playlists
    return public


async def _seen(request: Request, asking: Anyone) -> PublicPlaylists:
    """As the one who asks sees them, where it is known who that is."""
    public: EveryonesPlaylists = request.app.state.public_playlists
    return public if asking is None else public.seen_by(asking.user_id)


class Told(NamedTuple):
    """How one of the charts is documented, and asked for."""

    sentence: str
    query: type[ChartQuery] = ChartQuery
    refusals: tuple[type[Problem], ...] = ()
    public: Callable[..., Awaitable[PublicPlaylists]] = _everyones


CHARTS: Mapping[Of, Told] = {
    "songs": Told(
        "Tell which songs are listened to most, or more than ever, over a window, in a genre and a region."
    ),
    "artists": Told(
        "Tell which artists are: by the listens of their songs, of those in a genre where one is named."
    ),
    "albums": Told(
        "Tell which albums are: by the listens of their songs, of those in a genre where one is named."
    ),
    "playlists": Told(
        "Tell which playlists are: by the listens begun from them (`playlist_id` of a play), of songs in a genre where one is "
        "named. Of public playlists alone, as they are at this moment; with a token none of a listener whom you block, or who "
        "blocks you.",
        refusals=(InvalidToken, Unreachable),
        public=_seen,
    ),
    "searches": Told(
        "Tell what is searched for most, or more than ever. A search is told where at least five different listeners made it in "
        "the window and region (`SEGUE__TRENDING__SEARCH_LISTENERS`); private sessions are not counted.",
        SearchChartQuery,
    ),
}


def _add(of: Of, told: Told) -> None:
    """Add `GET /OF/trending`."""

    async def endpoint(
        request: Request,
        query: Annotated[told.query, Query()],  # type: ignore[name-defined]
        public: Annotated[PublicPlaylists, Depends(told.public)],
    ) -> Response:
        body = await answer(request.app.state.trending.charts, query.asked(of), query.limit, public)
        return Response(body, media_type="application/json")

    endpoint.__doc__, endpoint.__name__ = told.sentence, f"trending_{of}"
    shape = {"application/json": {"schema": openapi_schema(SHAPES[of]), "example": example(of)}}
    said = "The first of the chart. `since` and `until` say what was counted, `stale` whether it is old."
    responses: dict[int | str, dict[str, Any]] = {
        200: {"description": said, "content": shape},
        **problems(InvalidRequest, *told.refusals),
    }
    router.get(f"/{of}/trending", tags=[of], response_class=Response, responses=responses)(endpoint)


for each, how in CHARTS.items():
    _add(each, how)
