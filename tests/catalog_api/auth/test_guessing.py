"""Guessing passwords: counted over all processes, slowed to nothing, and told nothing by the time it takes."""

import asyncio
import subprocess
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path
from statistics import quantiles

import pytest

from catalog_api.auth.errors import SigningInBusy
from catalog_api.auth.passwords import Passwords, weakness
from foundation.engines.postgres import open_postgres
from foundation.settings import Accounts
from tests.catalog_api.api import Api, serving
from tests.catalog_api.auth.people import PASSWORD, bearing, login, signed_in, signed_up

pytestmark = pytest.mark.anyio

WRONG = "eight grey herons"
Redis = tuple[str, "subprocess.Popen[bytes]"]


async def test_after_ten_wrong_passwords_even_the_right_one_must_wait(api: Api) -> None:
    await signed_up(api)

    statuses = Counter([(await login(api, password=WRONG)).status_code for _ in range(12)])
    right = await login(api)

    assert statuses == {401: 10, 429: 2}
    assert (right.status_code, right.json()["code"]) == (429, "too-many-failures")
    assert 0 < int(right.headers["retry-after"]) <= 900


async def test_of_many_guesses_at_once_in_two_processes_ten_are_looked_at(
    api: Api, own_redis: Redis, tmp_path: Path
) -> None:
    await signed_up(api)

    async with serving(api.catalog, own_redis[0], tmp_path / "second") as second:
        answers = await asyncio.gather(
            *(login((api, second)[turn % 2], password=WRONG) for turn in range(40))
        )

    assert Counter(answer.status_code for answer in answers) == {401: 10, 429: 30}


async def test_one_address_may_not_try_one_password_of_everybody(api: Api) -> None:
    statuses = [(await login(api, f"listener{number}")).status_code for number in range(12)]

    assert Counter(statuses) == {401: 10, 429: 2}


async def test_who_knows_the_password_is_not_counted(api: Api) -> None:
    await signed_up(api)
    for _ in range(6):
        await login(api, password=WRONG)

    statuses = [(await login(api)).status_code for _ in range(6)]

    assert statuses == [200] * 6
    assert await api.app.state.redis.keys("failures:account:*") == []


async def test_a_password_that_nobody_could_check_is_no_wrong_one(api: Api) -> None:
    await signed_up(api)
    ann = bearing(api, await signed_in(api))
    passwords = api.app.state.passwords
    body = {"current_password": WRONG, "new_password": "nine black swans"}

    api.app.state.passwords = Passwords(Accounts(), at_once=0, waiting=0)
    busy = [(await login(api)).status_code for _ in range(12)]
    busy += [(await ann.post("/auth/password", json=body)).status_code for _ in range(12)]
    api.app.state.passwords = passwords

    assert busy == [503] * 24
    assert (await login(api)).status_code == 200


async def test_while_postgres_is_away_nobody_guesses_wrong(api: Api, own_redis: Redis) -> None:
    await signed_up(api)
    postgres = api.app.state.postgres
    api.app.state.postgres = open_postgres("postgresql://nobody@127.0.0.1:9/nothing")
    away = [(await login(api)).status_code for _ in range(12)]
    own_redis[1].kill()
    own_redis[1].wait()
    away += [(await login(api)).status_code for _ in range(12)]
    api.app.state.postgres = postgres

    assert away == [503] * 24
    assert (await login(api)).status_code == 200


async def test_a_stolen_access_token_does_not_help_to_guess_the_password(api: Api) -> None:
    await signed_up(api)
    ann = bearing(api, await signed_in(api))
    body = {"current_password": WRONG, "new_password": "nine black swans"}

    statuses = [(await ann.post("/auth/password", json=body)).status_code for _ in range(12)]

    assert Counter(statuses) == {403: 10, 429: 2}


async def test_without_redis_a_process_counts_by_itself(api: Api, own_redis: Redis) -> None:
    await signed_up(api)
    own_redis[1].kill()
    own_redis[1].wait()

    statuses = Counter([(await login(api, password=WRONG)).status_code for _ in range(12)])
    api.clock.push(timedelta(minutes=15))
    later = await login(api)

    assert statuses == {401: 10, 429: 2}
    assert later.status_code == 200


@pytest.mark.slow
async def test_an_unknown_address_takes_as_long_as_a_wrong_password(
    catalog: str, own_redis: Redis, tmp_path: Path
) -> None:
    async with serving(catalog, own_redis[0], tmp_path, accounts={"failures": 1000}) as api:
        await signed_up(api)
        took: dict[str, list[float]] = {"ann": [], "nobody": []}

        for _ in range(25):
            for name, times in took.items():
                begun = (
                    time.process_time()
                )  # of all threads; a busy machine lengthens only the time on the wall
                await login(api, name, WRONG)
                times.append(time.process_time() - begun)

    known, unknown = (quantiles(times, n=4)[0] for times in took.values())
    assert abs(known - unknown) < 0.2 * known, (known, unknown)


async def test_no_more_hashes_are_computed_than_the_machine_bears() -> None:
    passwords = Passwords(Accounts(), at_once=1, waiting=2)

    done = await asyncio.gather(*(passwords.hashed(PASSWORD) for _ in range(8)), return_exceptions=True)

    assert sum(isinstance(each, SigningInBusy) for each in done) == 5
    assert await passwords.fits(PASSWORD, next(each for each in done if isinstance(each, str)))


async def test_a_hash_that_cannot_be_read_lets_nobody_in() -> None:
    passwords = Passwords(Accounts())

    assert not await passwords.fits(PASSWORD, "sha1$nonsense")
    assert not await passwords.fits(PASSWORD, None)


async def test_a_password_is_the_same_however_a_keyboard_composes_it() -> None:
    passwords = Passwords(Accounts())

    kept = await passwords.hashed("un \u00e9t\u00e9 chaud")

    assert await passwords.fits("un e\u0301te\u0301 chaud", kept)


@pytest.mark.parametrize(
    "password",
    "password Password1 passw0rd! 12345678 87654321 abcdefgh aaaaaaaa abababab qwertyui iloveyou1 Summer2026! "
    "football99 letmein123 asdfghjkl welcome1 !admin! ann@example.org".split(),
)
def test_the_commonest_are_refused(password: str) -> None:
    assert weakness(password, "ann@example.org")


@pytest.mark.parametrize(
    "password", ["seven brown horses", "Kx7!pQ2z", "zebra-umbrella", "пароль и соль", "密码密码很长很长"]
)
def test_others_are_taken(password: str) -> None:
    assert weakness(password, "ann@example.org") is None
