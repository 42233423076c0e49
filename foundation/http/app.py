"""The app factory of Segue's services: FastAPI with problems, one middleware, and an OpenAPI page that needs no other host."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from foundation.http.door import Door, Doorkeeper, RequestTooLarge
from foundation.http.hot import HotPaths, HotRouter, Prompt
from foundation.http.principal import MissingToken
from foundation.http.problems import Failed, problems, speak_problems
from foundation.http.rate_limit import TooManyRequests
from foundation.http.security_headers import policy_of_page
from foundation.http.whole import Parts, Reply

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

PREFIX = "/api/v1"
DOCS, STATIC = "/docs", "/docs/static"


class Service(FastAPI):
    """FastAPI with the door outside of everything, also of what answers a failure."""

    keeper: Doorkeeper | None = None
    hot: Sequence[HotRouter] = ()
    prompt: Mapping[str, Prompt] = MappingProxyType({})
    everywhere: Mapping[int | str, dict[str, Any]] = MappingProxyType({})  # what any endpoint may answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What FastAPI and Starlette do, in one call instead of two: each costs the busiest routes."""
        if self.root_path:
            scope["root_path"] = self.root_path
        scope["app"] = self
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        await self.middleware_stack(scope, receive, send)

    def at_once(self, scope: Scope, *, knows_address: bool) -> tuple[int, Parts] | None:
        """The answer that needs no waiting, before there is a task for the request; None where it must be awaited."""
        if not isinstance(self.middleware_stack, Door):
            return None
        return self.middleware_stack.at_once(scope, self.state, knows_address=knows_address)

    def biggest_taken(self, scope: Scope) -> int:
        """Up to how many bytes of body `take` may be asked to take of such a request."""
        return self.middleware_stack.biggest_taken(scope) if isinstance(self.middleware_stack, Door) else 0

    def take(self, scope: Scope, body: bytes, reply: Reply) -> bool:
        """Begin what a request asks for without a task, and reply later; False where it must be served as all are."""
        if not isinstance(self.middleware_stack, Door):
            return False
        scope["app"] = self
        return self.middleware_stack.take(scope, body, reply)

    def build_middleware_stack(self) -> ASGIApp:
        paths: HotPaths[ASGIApp] = HotPaths(super().build_middleware_stack(), PREFIX, self.hot, self.prompt)
        return paths if self.keeper is None else Door(paths, self.keeper)

    def openapi(self) -> dict[str, Any]:
        """The document of all routes, with those that FastAPI does not answer."""
        if not self.openapi_schema:
            beside = APIRouter()
            for router in self.hot:
                router.document(beside, prefix=PREFIX, responses=self.everywhere)
            self.openapi_schema = get_openapi(
                title=self.title,
                version=self.version,
                description=self.description,
                routes=[*beside.routes, *self.routes],
            )
            for operation in operations(self.openapi_schema):
                if "security" in operation and MissingToken.code() not in refused(operation, 401):
                    operation["security"].append({})  # none is needed, though one may be sent
        return self.openapi_schema


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every operation of an OpenAPI document."""
    for path in document["paths"].values():
        yield from (path[method] for method in ("get", "put", "post", "patch", "delete") if method in path)


def refused(operation: dict[str, Any], status: int) -> list[str]:
    """The codes of the problems with which an operation may answer this status."""
    told: str = operation["responses"].get(str(status), {}).get("description", "")
    return told.split(" · ")


def make_app(
    *,
    title: str,
    description: str,
    version: str,
    routers: Iterable[APIRouter],
    lifespan: Lifespan,
    hot: Sequence[HotRouter] = (),
    prompt: Mapping[str, Prompt] = MappingProxyType({}),
    keeper: Doorkeeper | None = None,
) -> FastAPI:
    """An app that serves `routers` and `hot` below /api/v1; everything outside it is opened and closed in `lifespan`.

    With a `keeper` every request goes through the door, which answers at once what `prompt` can, by paths of `routers`.
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
    app.keeper, app.hot, app.prompt = keeper, hot, prompt
    speak_problems(app)
    app.everywhere = dict(problems(Failed, *(() if keeper is None else (TooManyRequests, RequestTooLarge))))
    for router in routers:
        app.include_router(router, prefix=PREFIX, responses=app.everywhere)
    app.router.routes += HotPaths(app, PREFIX, hot, {}).as_starlette()
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
