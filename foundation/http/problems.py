"""Every refusal as application/problem+json (RFC 9457), whoever raises it."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from foundation.errors import Problem
from foundation.telemetry import REQUEST_ID

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"


class InvalidRequest(Problem):
    """A parameter or a body that the endpoint cannot take; `errors` says where."""

    status, title = 422, "This request is not valid"


class NoSuchPage(Problem):
    """An address that nothing answers."""

    status, title = 404, "There is nothing at this address"


class Failed(Problem):
    """A fault of ours; the log has the details."""

    status, title = 500, "Something failed on our side"


def problem_body(problem: Problem, instance: str = "") -> dict[str, object]:
    """The members of the problem object: `type, title, status, detail, code, instance, request_id` and its facts."""
    code = problem.code()
    body: dict[str, object] = {
        "type": f"urn:segue:problem:{code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": code,
    }
    if instance:
        body["instance"] = instance
    if request_id := REQUEST_ID.get():
        body["request_id"] = request_id
    return body | problem.facts


def problem_response(problem: Problem, instance: str = "") -> Response:
    """The answer for a refusal, with the headers its status asks for."""
    headers = {}
    if problem.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.status in (429, 503):
        headers["Retry-After"] = str(problem.facts.get("retry_after", 1))
    return Response(
        orjson.dumps(problem_body(problem, instance), default=str),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def speak_problems(app: FastAPI) -> None:
    """Give `app` the handlers that turn every exception into a problem."""

    @app.exception_handler(Problem)
    async def refused(request: Request, problem: Problem) -> Response:
        return problem_response(problem, request.url.path)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"where": ".".join(str(part) for part in each["loc"]), "what": each["msg"]}
            for each in error.errors()
        ]
        detail = "; ".join(f"{each['where']}: {each['what']}" for each in errors)
        return problem_response(InvalidRequest(detail, errors=errors), request.url.path)

    @app.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        if error.status_code == 400:  # FastAPI's word for a body that is not even text
            what = str(error.detail)
            unread = InvalidRequest(f"body: {what}", errors=[{"where": "body", "what": what}])
            return problem_response(unread, request.url.path)
        refusal = type(
            {404: "NoSuchPage", 405: "MethodNotAllowed"}.get(error.status_code, "Refused"),
            (Problem,),
            {
                "status": error.status_code,
                "title": NoSuchPage.title if error.status_code == 404 else error.detail,
            },
        )
        detail = f"{request.method} {request.url.path}: {str(error.detail).lower()}"
        response = problem_response(refusal(detail), request.url.path)
        response.headers.update(error.headers or {})
        if (
            error.status_code == 405
        ):  # Starlette names the methods of one route of an address that has several
            response.headers["allow"] = ", ".join(sorted(_methods(app, request)))
        return response

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem_response(Failed("the fault is in our log"), request.url.path)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """Which methods the routes of this address answer."""
    return {
        method
        for route in app.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }


def problems(*refusals: type[Problem]) -> Mapping[int | str, dict[str, Any]]:
    """The `responses` of an endpoint for OpenAPI: which refusals it may give.

    >>> list(problems(InvalidRequest))
    [422]
    """
    return with_problems({}, *refusals)


def with_problems(
    responses: Mapping[int | str, dict[str, Any]], *refusals: type[Problem]
) -> dict[int | str, dict[str, Any]]:
    """The same `responses` with these refusals too, each once.

    >>> both = with_problems(problems(NoSuchPage), InvalidRequest, NoSuchPage)
    >>> {status: told["description"] for status, told in both.items()}
    {404: 'no-such-page', 422: 'invalid-request'}
    """
    documented = dict(responses)
    for refusal in refusals:
        told = str(documented.get(refusal.status, {}).get("description", ""))
        if refusal.code() not in told.split(" · "):
            documented[refusal.status] = {
                "description": f"{told} · {refusal.code()}" if told else refusal.code(),
                "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
            }
    return documented


PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "request_id": {"type": "string"},
    },
}
