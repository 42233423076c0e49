"""Requests sent again: done once, answered alike; and what is done with their answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
import pytest
from fastapi import APIRouter
from sqlalchemy import text

from catalog_api.routers import ROUTERS
from foundation.errors import Problem
from foundation.http.inputs import Input, Name
from foundation.http.principal import Listener
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from tests.catalog_api.api import Api, people, serving

pytestmark = pytest.mark.anyio
router = APIRouter(prefix="/words", route_class=Route)


class Taken(Problem):
    status, title = 409, "This word is taken"


class Told(Input):
    word: Name


@router.post("", status_code=201)
async def add(told: Told, listener: Listener, db: Writes) -> dict[str, str]:
    """Keeps a word, once."""
    if told.word == "bad":
        await db.execute(text("INSERT INTO genres (name) VALUES ('left behind')"))
        raise Taken("this word is never free")
    await db.execute(text("INSERT INTO genres (name) VALUES (:word)"), {"word": told.word})
    return {"word": told.word}


@router.get("")
async def words(db: Reads) -> list[str]:
    """All words."""
    return list(await db.scalars(text("SELECT name FROM genres ORDER BY name")))


@pytest.fixture
async def toy(catalog: str, own_redis: tuple[str, "Popen[bytes]"], tmp_path: Path) -> AsyncIterator[Api]:
    async with serving(catalog, own_redis[0], tmp_path, routers=[router, *ROUTERS]) as api:
        people(catalog, "ann", "bob")
        yield api


async def say(client: httpx.AsyncClient, word: Any, key: str | None = "k1") -> httpx.Response:
    return await client.post("/words", json={"word": word}, headers={"Idempotency-Key": key} if key else {})


async def test_the_same_request_again_is_answered_alike_and_done_once(toy: Api) -> None:
    ann = toy.as_(1)

    first, second = await say(ann, "rock"), await say(ann, "rock")

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert (await ann.get("/words")).json() == ["rock"]


async def test_of_many_at_once_one_is_done_and_all_are_answered(toy: Api) -> None:
    ann = toy.as_(1)

    answers = await asyncio.gather(*(say(ann, "rock") for _ in range(20)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" in answer.headers for answer in answers) == 19


async def test_a_key_with_another_body_is_refused(toy: Api) -> None:
    ann = toy.as_(1)
    await say(ann, "rock")

    answer = await say(ann, "jazz")

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert (await ann.get("/words")).json() == ["rock"]


async def test_a_key_belongs_to_one_person(toy: Api) -> None:
    await say(toy.as_(1), "rock")

    answer = await say(toy.as_(2), "jazz")

    assert answer.status_code == 201
    assert (await toy.as_().get("/words")).json() == ["jazz", "rock"]


async def test_a_refused_request_leaves_nothing_and_may_be_tried_again(toy: Api) -> None:
    ann = toy.as_(1)

    refused, again = await say(ann, "bad"), await say(ann, "good")

    assert (refused.status_code, again.status_code) == (409, 201)
    assert (await ann.get("/words")).json() == ["good"]


async def test_an_invalid_body_does_not_use_up_its_key(toy: Api) -> None:
    ann = toy.as_(1)

    refused, again = await say(ann, 7), await say(ann, "good")

    assert (refused.status_code, again.status_code) == (422, 201)


@pytest.mark.parametrize("key", [" ", "with space", "x" * 256, "\t"])
async def test_what_is_no_key_is_refused(toy: Api, key: str) -> None:
    answer = await say(toy.as_(1), "rock", key)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request")


async def test_a_list_that_is_unchanged_is_not_sent_again(toy: Api) -> None:
    first = await toy.as_().get("/words")

    same = await toy.as_().get("/words", headers={"If-None-Match": first.headers["etag"]})
    await say(toy.as_(1), "rock")
    other = await toy.as_().get("/words", headers={"If-None-Match": first.headers["etag"]})

    assert (same.status_code, same.content) == (304, b"")
    assert (other.status_code, other.json()) == (200, ["rock"])


async def test_what_may_be_refused_is_documented_by_itself(toy: Api) -> None:
    operation = toy.app.openapi()["paths"]["/api/v1/words"]["post"]  # type: ignore[attr-defined]

    assert {"401", "422", "503", "429", "413"} <= set(operation["responses"])
    assert [told["name"] for told in operation["parameters"]] == ["Idempotency-Key"]
