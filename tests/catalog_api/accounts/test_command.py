"""The first administrator comes from the command line, and signs in like everybody else."""

import asyncio
import io
from collections.abc import Sequence

import pytest

from catalog_api.accounts.errors import EmailTaken
from catalog_api.auth.errors import WeakPassword
from catalog_api.listeners.errors import ListenerNotFound
from cli import account
from cli.tokens import NoSuchRole
from tests.catalog_api.api import Api
from tests.catalog_api.auth.people import PASSWORD, bearing, signed_in, signed_up

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(api: Api, monkeypatch: pytest.MonkeyPatch) -> Api:
    """The API, on whose engines the command works as well."""
    monkeypatch.setenv("SEGUE_HOME", str(api.folder))
    for engine, url in (("POSTGRES", api.catalog), ("REDIS", "redis://127.0.0.1:1")):
        monkeypatch.setenv(f"SEGUE__ENGINES__{engine}", url)
    for engine in ("CLICKHOUSE", "CLICKHOUSE_READER"):
        monkeypatch.setenv(f"SEGUE__ENGINES__{engine}", "http://127.0.0.1:1")
    return api


async def test_an_administrator_made_by_command_may_what_administrators_may(
    home: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))

    await asyncio.to_thread(account.create, "Root@example.org", "Root", ["user", "admin"])

    tokens = await signed_in(home, "root")
    looked = await bearing(home, tokens).get("/users", params={"email": "root@example.org"})
    assert looked.json()["results"][0]["roles"] == ["user", "admin"]
    assert "root@example.org  user, admin" in capsys.readouterr().out


async def test_roles_given_by_command_end_the_tokens_of_before(home: Api) -> None:
    await signed_up(home)
    tokens = await signed_in(home)

    await asyncio.to_thread(account.roles, "ann@example.org", ["admin"])
    await asyncio.sleep(0.2)

    assert (await bearing(home, tokens).get("/me")).status_code == 401
    assert home.sql("SELECT roles FROM users") == [(["admin"],)]


async def test_what_cannot_be_an_account_is_refused(home: Api) -> None:
    await signed_up(home)

    def make(email: str, name: str, password: str, roles: Sequence[str] = ("user",)) -> None:
        account.create(email, name, roles, password=password)

    with pytest.raises(EmailTaken):
        await asyncio.to_thread(make, "ann@example.org", "Ann", PASSWORD)
    with pytest.raises(account.UnusableInput):
        await asyncio.to_thread(make, "ann", "Ann", PASSWORD)
    with pytest.raises(account.UnusableInput):
        await asyncio.to_thread(make, "bob@example.org", " ", PASSWORD)
    with pytest.raises(account.UnusableInput, match="at least 8") as refused:
        await asyncio.to_thread(make, "bob@example.org", "Bob", "shorty")
    with pytest.raises(WeakPassword):
        await asyncio.to_thread(make, "bob@example.org", "Bob", "password1")
    with pytest.raises(NoSuchRole):
        await asyncio.to_thread(make, "bob@example.org", "Bob", PASSWORD, ["owner"])
    with pytest.raises(ListenerNotFound):
        await asyncio.to_thread(account.roles, "bob@example.org", ["admin"])
    assert "shorty" not in str(refused.value)
