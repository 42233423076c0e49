"""`segue account`: makes accounts and gives roles from the command line, above all to the first administrator."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError

from catalog_api.accounts.schemas import AccountOut, normal_email
from catalog_api.accounts.service import Accounts, NewAccount, Profiles
from catalog_api.auth.passwords import Passwords, refuse_weak
from catalog_api.auth.schemas import NewPassword
from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.revocations.service import Revoking
from cli import say
from cli.running import running
from cli.tokens import NoSuchRole
from foundation import settings as foundation_settings
from foundation.cache import CHANNEL
from foundation.clock import utc_now
from foundation.engines.postgres import Writing, open_postgres
from foundation.engines.postgres_channels import notify
from foundation.errors import Problem
from foundation.http.inputs import Name
from foundation.http.revocations import Revocations
from foundation.ids import UserId
from foundation.security import ROLES
from foundation.settings import Settings

_NAME = TypeAdapter[str](Name)
_PASSWORD = TypeAdapter[SecretStr](NewPassword)


class UnusableInput(Problem):
    """An e-mail address, name or password that no account can have."""


def create(email: str, name: str, roles: Sequence[str] = ("user",), *, password: str | None = None) -> None:
    """Make an account and print its id; a password that is not given is asked for, or read where nobody can be asked."""
    normal, known = _email(email), _known(roles)
    display_name = _usable(name, _NAME)
    secret = _usable(password if password is not None else _asked(), _PASSWORD)
    refuse_weak(secret, normal)
    settings = foundation_settings.load()
    hashed = asyncio.run(_hashed(settings, secret))
    new = NewAccount(email=normal, password_hash=hashed, display_name=display_name, roles=known)
    with running(settings) as connected:
        account = asyncio.run(_changed(connected, lambda accounts: accounts.create(new)))
    _tell(account)


def roles(email: str, roles: Sequence[str]) -> None:
    """Set what an account may do; its access tokens end, and its next refresh gives one that says so."""
    normal, known = _email(email), _known(roles)

    async def give(accounts: Accounts) -> AccountOut:
        found = await Profiles(accounts.db).by_email(normal)
        if not found:
            raise ListenerNotFound(f"nobody signed up as {normal}")
        return await accounts.give_roles(UserId(found[0].user_id), known)

    with running(foundation_settings.load()) as connected:
        account = asyncio.run(_changed(connected, give))
    _tell(account)


async def _changed(settings: Settings, change: Callable[[Accounts], Awaitable[AccountOut]]) -> AccountOut:
    """What a change gives, in one transaction that every process of the API hears of."""
    postgres = open_postgres(settings.engines.postgres, connections=1)
    try:
        async with postgres.writing() as db:
            revoking = Revoking(db, Revocations(), utc_now, settings.tokens.lifetime)
            return await change(Accounts(db, utc_now, _drop, revoking))
    finally:
        await postgres.close()


async def _drop(db: Writing, *keys: str) -> None:
    await notify(db, CHANNEL, keys)


async def _hashed(settings: Settings, password: str) -> str:
    return await Passwords(settings.accounts).hashed(password)


def _asked() -> str:
    """A password typed twice at a terminal, or the first line of what comes from elsewhere."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))
    return sys.stdin.readline().rstrip("\r\n")


def _usable(text: str, kind: TypeAdapter[str] | TypeAdapter[SecretStr]) -> str:
    """The text as the API would take it. Raises UnusableInput, which does not repeat it: it may be a password."""
    try:
        taken = kind.validate_python(text)
    except ValidationError as error:
        what = "name" if kind is _NAME else "password"
        raise UnusableInput(f"this {what} cannot be taken: {error.errors()[0]['msg']}") from None
    return taken if isinstance(taken, str) else taken.get_secret_value()


def _email(text: str) -> str:
    try:
        return normal_email(text)
    except ValueError as error:
        raise UnusableInput(f"{text!r} is no e-mail address: {error}") from error


def _known(roles: Sequence[str]) -> Sequence[str]:
    """The roles, of which there is at least one. Raises NoSuchRole."""
    if unknown := sorted(set(roles) - set(ROLES)):
        raise NoSuchRole(f"there is no role {unknown[0]!r}; there are {', '.join(ROLES)}")
    return roles or ("user",)


def _tell(account: AccountOut) -> None:
    say.out.print(f"{account.user_id}  {account.email}  {', '.join(account.roles)}", markup=False)
