"""The app factory of Segue's services: FastAPI with problems, one middleware, and an OpenAPI page that needs no other host."""

from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from foundation.http.door import Door, Doorkeeper
from foundation.http.problems import Failed, problems, speak_problems
from foundation.http.rate_limit import TooManyRequests
from foundation.http.security_headers import policy_of_page

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

DOCS, STATIC = "/docs", "/docs/static"


class Service(FastAPI):
    """FastAPI with the door outside of everything, also of what answers a failure."""

    keeper: Doorkeeper | None = None

    def build_middleware_stack(self) -> ASGIApp:
        inside = super().build_middleware_stack()
        return inside if self.keeper is None else Door(inside, self.keeper)


def make_app(
    *,
    title: str,
    description: str,
    version: str,
    routers: Iterable[APIRouter],
    lifespan: Lifespan,
    keeper: Doorkeeper | None = None,
) -> FastAPI:
    """An app that serves `routers` below /api/v1; everything outside it is opened and closed in `lifespan`.

    With a `keeper` every request goes through the door.
    """
    app = Service(
        title=title,
        description=description,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.keeper = keeper
    speak_problems(app)
    everywhere = problems(Failed) if keeper is None else problems(TooManyRequests, Failed)
    for router in routers:
        app.include_router(router, prefix="/api/v1", responses=dict(everywhere))
    _document(app)
    return app


def _document(app: Service) -> None:
    """Serve the OpenAPI page from files of our own, under a policy that lets nothing else run in it."""
    page = get_swagger_ui_html(
        openapi_url=str(app.openapi_url),
        title=app.title,
        swagger_js_url=f"{STATIC}/swagger-ui-bundle.js",
        swagger_css_url=f"{STATIC}/swagger-ui.css",
        swagger_favicon_url=f"{STATIC}/favicon.png",
    )
    html = bytes(page.body).decode()

    async def documentation(request: Request) -> HTMLResponse:
        return HTMLResponse(html)

    app.add_route(DOCS, documentation, include_in_schema=False)
    files = Path(fastapi_offline.__file__).parent / "static"
    app.mount(STATIC, StaticFiles(directory=files), name="docs-files")
    if app.keeper is not None:
        app.keeper.content_policies[DOCS] = policy_of_page(html).encode()
