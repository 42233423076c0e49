"""The app factory of Segue's services: FastAPI with problems, and an OpenAPI page that needs no other host."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from foundation.http.problems import speak_problems

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def make_app(
    *, title: str, description: str, version: str, routers: Iterable[APIRouter], lifespan: Lifespan
) -> FastAPI:
    """An app that serves `routers` below /api/v1; everything outside it is opened and closed in `lifespan`."""
    app = FastAPIOffline(
        title=title, description=description, version=version, lifespan=lifespan, redoc_url=None
    )
    speak_problems(app)
    for router in routers:
        app.include_router(router, prefix="/api/v1")
    return app
