from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.authorisation import matrix, unknown_fields
from tests.authorisation.catalogs import own_catalog
from tests.authorisation.matrix import Gateway, Verdict
from tests.authorisation.requests import short
from tests.authorisation.table import OF_A_PUBLIC_PLAYLIST, TABLE, May, may
from tests.conftest import Engines
from tools.api_document import Operation, document, operations

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
async def gateway(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    home: Path = tmp_path_factory.mktemp("authorisation")
    with own_catalog(engines) as urls:
        async with matrix.opened(home, urls) as opened:
            yield opened


def test_the_table_names_every_endpoint_and_no_other() -> None:
    known = {short(operation) for operation in operations(document())}

    assert known ^ TABLE.keys() == set()
    assert OF_A_PUBLIC_PLAYLIST.keys() <= TABLE.keys()


async def test_nobody_reaches_what_is_not_theirs(gateway: Gateway) -> None:
    verdict = await matrix.run(gateway)

    print(verdict.table())
    assert verdict.holes == []
    assert verdict.endpoints == len(TABLE)


async def test_no_body_takes_a_field_that_its_schema_does_not_name(gateway: Gateway) -> None:
    verdict = await unknown_fields.run(gateway)

    print(verdict.table())
    assert verdict.holes == []


@pytest.mark.parametrize(
    ("name", "too_strict"),
    [
        ("GET /me", may("admin")),
        ("GET /songs/{song_id}", may("owner", 404)),
        ("PATCH /songs/{song_id}", may("owner")),
        ("DELETE /playlists/{playlist_id}/members/{user_id}", may("owner", 404, viewer=403, editor=403)),
    ],
)
async def test_the_matrix_sees_a_hole_where_there_is_one(
    gateway: Gateway, name: str, too_strict: May
) -> None:
    verdict, operation = Verdict(), _operation(gateway, name)

    await matrix.ask_all(gateway, operation, too_strict, verdict, is_public=False)

    assert verdict.holes != []
    assert operation.method == "GET" or any("and changed" in hole for hole in verdict.holes)


def _operation(gateway: Gateway, name: str) -> Operation:
    return next(each for each in operations(gateway.document) if short(each) == name)
