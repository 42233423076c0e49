"""What every answer of the gateway has, whoever gives it: a name, headers, a reason, and a place in the metrics."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from foundation import metrics
from foundation.telemetry import JsonLines
from tests.gateway.conftest import gateway_in, token_of

pytestmark = pytest.mark.anyio

SECURITY = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}


def add_toys(app: FastAPI) -> None:
    """Endpoints that do what no endpoint of ours should."""

    async def fail(request: Request) -> Response:
        raise RuntimeError("a fault of ours")

    async def echo(request: Request) -> Response:
        logging.getLogger("toy").warning("echoing")
        return JSONResponse({"length": len(await request.body())})

    async def half(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("no more")

        return StreamingResponse(pieces())

    @app.post("/toys/parse")
    async def parse(told: dict[str, str]) -> int:
        return len(told)

    app.add_route("/toys/fail", fail)
    app.add_route("/toys/half", half)
    app.add_route("/toys/echo", echo, methods=["POST"])


@pytest.fixture
async def client(tmp_path: Path, urls: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with gateway_in(tmp_path, urls, http={"biggest_body": 1000}) as (app, client):
        add_toys(app)
        yield client


@contextmanager
def log_lines() -> Iterator[list[dict[str, str]]]:
    """What is logged inside, as the lines of a process."""
    written, lines = StringIO(), list[dict[str, str]]()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines("api"))
    logging.getLogger().addHandler(handler)
    try:
        yield lines
    finally:
        logging.getLogger().removeHandler(handler)
        lines += [json.loads(line) for line in written.getvalue().splitlines()]


async def requests_counted(client: httpx.AsyncClient, **labels: str) -> float:
    await client.get("/metrics")  # which tells what was counted since
    return metrics.REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "no-such-page"),
        ("GET", "/api/v1/songs/99", 404, "song-not-found"),
        ("GET", "/api/v1/songs/one", 422, "invalid-request"),
        ("PUT", "/api/v1/songs/1", 405, "method-not-allowed"),
        ("GET", "/api/v1/recommendations", 401, "missing-token"),
        ("GET", "/toys/fail", 500, "failed"),
        ("GET", "/api/v1/songs/trending/", 404, "no-such-page"),
    ],
)
async def test_every_refusal_is_a_problem_that_names_the_request(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await client.request(method, path, headers={"X-Request-ID": "mine-1"})

    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert SECURITY.items() <= dict(answer.headers).items()
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/api/v1/songs/1", "/health/live", "/metrics", "/docs", "/openapi.json"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert answer.status_code == 200
    assert SECURITY.items() <= dict(answer.headers).items()
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_only_a_service_behind_tls_is_remembered_as_such(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls, http={"tls": True}) as (_, client):
        answer = await client.get("/health/live")

    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"


async def test_the_documentation_may_run_its_own_scripts_and_no_others(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    files = [await client.get(f"/docs/static/{name}") for name in ("swagger-ui-bundle.js", "swagger-ui.css")]

    policy = page.headers["content-security-policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert [file.status_code for file in files] == [200, 200]
    assert "http" not in page.text.replace("<!DOCTYPE html>", "").split("SwaggerUIBundle")[0]


@pytest.mark.parametrize("sent", ["", "a b", "x" * 129, "böse", "<script>"])
async def test_a_name_that_is_not_sane_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    first = await client.get("/health/live", headers={"X-Request-ID": sent.encode()})
    second = await client.get("/health/live")

    given = [answer.headers["x-request-id"] for answer in (first, second)]
    assert [len(name) for name in given] == [16, 16]
    assert given[0] != given[1]


async def test_log_lines_of_a_request_carry_its_name_and_no_other_line_does(
    client: httpx.AsyncClient,
) -> None:
    with log_lines() as lines:
        await client.post("/toys/echo", content=b"abc", headers={"X-Request-ID": "one"})
        await client.get("/toys/fail", headers={"X-Request-ID": "two"})
        logging.getLogger("toy").warning("outside")

    told = [(line["logger"], line.get("request_id")) for line in lines]
    assert told == [("toy", "one"), ("foundation.http.problems", "two"), ("toy", None)]
    assert "RuntimeError: a fault of ours" in lines[1]["exception"]


@pytest.mark.parametrize("path", ["/toys/echo", "/toys/parse"])
async def test_a_body_that_is_too_long_is_refused_by_its_length_and_by_its_stream(
    client: httpx.AsyncClient, path: str
) -> None:
    come = 0

    async def stream() -> AsyncIterator[bytes]:
        nonlocal come
        while come < 100_000:
            come += 100
            yield b'"' * 100

    told, streamed = await client.post(path, content=b"x" * 1001), await client.post(path, content=stream())
    fits = await client.post("/toys/echo", content=b"x" * 1000)

    for answer in (told, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")
        assert answer.json()["limit"] == 1000
    assert come <= 1200
    assert fits.json() == {"length": 1000}


async def test_an_endpoint_keeps_its_own_smaller_limit(tmp_path: Path, urls: dict[str, str]) -> None:
    async with gateway_in(tmp_path, urls) as (_, client):
        answer = await client.post("/api/v1/songs/1/play", content=b" " * 20_000, headers=token_of(1))

    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")


async def test_head_answers_as_get_does_without_a_body(client: httpx.AsyncClient) -> None:
    got, asked = await client.get("/api/v1/songs/1"), await client.head("/api/v1/songs/1")
    lacking = await client.head("/api/v1/songs/99")

    assert (asked.status_code, asked.content) == (200, b"")
    assert asked.headers["content-length"] == got.headers["content-length"]
    assert lacking.status_code == 404


async def test_half_an_answer_is_not_passed_off_as_a_whole_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/toys/half")

    assert (answer.status_code, answer.content) == (200, b"half")
    assert await requests_counted(client, method="GET", endpoint="/toys/half", status="200") == 1


async def test_requests_are_counted_by_the_template_of_their_route(client: httpx.AsyncClient) -> None:
    song = {"method": "GET", "endpoint": "/api/v1/songs/{song_id}", "status": "200"}
    unknown = {"method": "GET", "endpoint": "unknown", "status": "404"}
    strange = {"method": "OTHER", "endpoint": "unknown", "status": "404"}
    before = [await requests_counted(client, **labels) for labels in (song, unknown, strange)]

    for path in ("/api/v1/songs/1", "/api/v1/songs/2", "/etc/passwd", "/.env"):
        await client.get(path)
    await client.request("BREW", "/pot")

    after = [await requests_counted(client, **labels) for labels in (song, unknown, strange)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 2, 1]


async def test_the_documentation_names_what_any_endpoint_may_refuse(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]

    for path, methods in paths.items():
        if path.startswith("/api/"):
            for operation in methods.values():
                assert {"429", "500"} <= operation["responses"].keys(), path


async def test_a_link_that_opens_a_playlist_stands_in_no_log(
    tmp_path: Path, urls: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="access")
    async with gateway_in(tmp_path, urls, telemetry={"access_log": True}) as (_, client):
        await client.get("/api/v1/shared/very-secret/songs")
        await client.get("/api/v1/songs/1")

    told = [record.getMessage() for record in caplog.records if record.name == "access"]
    assert [line.split()[1] for line in told] == ["/api/v1/shared/…", "/api/v1/songs/1"]
