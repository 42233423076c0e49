"""Files that are sent whole: larger than any other body, never larger than is said, and paid from the budget of costly requests."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.authorisation.requests import HISTORY
from tests.gateway.conftest import gateway_in, token_of

pytestmark = pytest.mark.anyio

ADDRESS = "/api/v1/me/history/import"
BIGGEST = 200_000
LARGE = HISTORY + b"1772366400,Queen,Innuendo,Innuendo\n" * 3_000


@pytest.fixture
async def client(
    tmp_path: Path, urls: dict[str, str], own_redis: tuple[str, object]
) -> AsyncIterator[httpx.AsyncClient]:
    groups = {"http": {"biggest_body": 1_000}, "imports": {"biggest_file": BIGGEST}}
    async with gateway_in(tmp_path, urls | {"redis": own_redis[0]}, **groups) as (_, client):
        client.headers.update(token_of(1))
        yield client


async def chunked(data: bytes) -> AsyncIterator[bytes]:
    """Without a length told."""
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]


def kept(home: Path) -> list[Path]:
    """The files that are kept of what was sent."""
    return list(home.rglob("blobs/history_imports/*"))


async def test_a_file_may_be_larger_than_any_other_body(client: httpx.AsyncClient) -> None:
    sent = await client.post(ADDRESS, content=LARGE)
    other = await client.post("/api/v1/playlists/import", content=LARGE)

    assert len(LARGE) > 100_000
    assert (sent.status_code, sent.json()["bytes"]) == (202, len(LARGE))
    assert other.status_code == 413
    assert '"costly"' in sent.headers["ratelimit-policy"]
    await client.delete(sent.headers["location"])


@pytest.mark.parametrize("told", [True, False], ids=["its length told", "no length told"])
async def test_a_file_beyond_the_bound_is_not_read_to_its_end(
    client: httpx.AsyncClient, tmp_path: Path, *, told: bool
) -> None:
    data = b"," * (BIGGEST + 1)

    answer = await client.post(ADDRESS, content=data if told else chunked(data))

    assert (answer.status_code, answer.json()["code"]) == (413, "request-too-large")
    assert answer.json()["limit"] == BIGGEST
    assert kept(tmp_path) == []
