"""The one application that people connect to: the services' routers behind one port, with what they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import JSONResponse, RedirectResponse

from catalog_api.playback.router import router as playback
from catalog_api.playback.service import open_playback
from catalog_api.songs.router import router as songs
from event_log.opening import open_log
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.postgres import open_postgres
from foundation.http.app import make_app
from foundation.security import token_maker
from foundation.settings import Settings
from serving.lifespan import open_serving
from serving.recommend.router import router as recommend
from serving.trending.router import router as trending

VERSION = "0.1.0"
DESCRIPTION = """Personal feeds, plays and songs.

Get a token with `./segue token LISTENER`, press **Authorize**, and ask for `GET /api/v1/recommendations`.
"""


def create_app(settings: Settings) -> FastAPI:
    """The platform's app; what it needs of outside is opened when it starts serving."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        connected = foundation_settings.connected(settings)
        app.state.now = utc_now
        app.state.tokens = token_maker(settings)
        log = open_log(connected, "api")
        postgres = open_postgres(connected.engines.postgres)
        try:
            async with open_serving(connected) as serving:
                app.state.postgres, app.state.playback = postgres, open_playback(postgres, log, utc_now)
                app.state.live, app.state.recent, app.state.trending = (
                    serving.live,
                    serving.recent,
                    serving.trending,
                )
                yield
        finally:
            await postgres.close()
            log.close()

    app = make_app(
        title="Segue",
        description=DESCRIPTION,
        version=VERSION,
        routers=[recommend, trending, playback, songs],
        lifespan=lifespan,
    )
    app.add_route("/health/live", _alive, include_in_schema=False)
    app.add_route("/", _front, include_in_schema=False)
    return app


async def _alive(request: object) -> JSONResponse:
    return JSONResponse({"status": "alive"})


async def _front(request: object) -> RedirectResponse:
    return RedirectResponse("/docs")
