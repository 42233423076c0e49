"""A refresh token holds once: of many who come with it one wins, and its use again ends the session (RFC 9700)."""

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from tests.catalog_api.api import Api, serving
from tests.catalog_api.auth.people import bearing, refreshed, signed_in, signed_up

pytestmark = pytest.mark.anyio

AT_ONCE = 100


@pytest.mark.slow
async def test_of_a_hundred_at_once_in_two_processes_one_wins_and_then_the_family_ends(
    api: Api, own_redis: tuple[str, object], tmp_path: Path
) -> None:
    await signed_up(api)
    first, bystander = await signed_in(api), await signed_in(api)

    async with serving(api.catalog, own_redis[0], tmp_path / "second") as second:
        answers = await asyncio.gather(
            *(refreshed((api, second)[turn % 2], first["refresh_token"]) for turn in range(AT_ONCE))
        )
        await asyncio.sleep(0.3)

        (winner,) = [answer.json() for answer in answers if answer.status_code == 200]
        statuses = Counter(answer.status_code for answer in answers)
        access = [
            (await bearing(worker, tokens).get("/me")).status_code
            for worker in (api, second)
            for tokens in (first, winner, bystander)
        ]
        next_refresh = await refreshed(second, winner["refresh_token"])

    assert statuses == {200: 1, 401: AT_ONCE - 1}
    assert access == [401, 401, 200, 401, 401, 200]
    assert next_refresh.status_code == 401
    assert api.sql("SELECT revoked_because FROM sessions ORDER BY revoked_at") == [("reuse",), (None,)]


async def test_a_stolen_token_that_is_used_late_ends_the_whole_family(api: Api) -> None:
    await signed_up(api)
    stolen = await signed_in(api)
    second = (await refreshed(api, stolen["refresh_token"])).json()
    third = (await refreshed(api, second["refresh_token"])).json()

    thief = await refreshed(api, stolen["refresh_token"])

    owner = await refreshed(api, third["refresh_token"])
    assert (thief.status_code, owner.status_code) == (401, 401)
    assert (await bearing(api, third).get("/me")).status_code == 401


async def test_one_family_that_ends_ends_no_other(api: Api) -> None:
    await signed_up(api)
    stolen, other = await signed_in(api), await signed_in(api)
    await refreshed(api, stolen["refresh_token"])

    await refreshed(api, stolen["refresh_token"])

    assert (await refreshed(api, other["refresh_token"])).status_code == 200


async def test_who_changes_roles_while_others_refresh_locks_nobody_out(api: Api) -> None:
    user_id = await signed_up(api)
    families = [await signed_in(api) for _ in range(8)]
    admin = api.as_(999, roles=["admin"])

    answers = await asyncio.gather(
        *(refreshed(api, tokens["refresh_token"]) for tokens in families),
        *(admin.put(f"/users/{user_id}/roles", json={"roles": roles}) for roles in (["user"], ["artist"])),
    )

    assert {answer.status_code for answer in answers} == {200}
