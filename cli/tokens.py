"""`segue token`: issues the access token that signing in will issue once there are accounts."""

import asyncio
from collections.abc import Sequence

from foundation import settings
from foundation.clock import utc_now
from foundation.errors import Problem
from foundation.ids import UserId
from foundation.security import ROLES, token_maker

LONGEST_ID = 19  # digits: 2^63 has as many


class NoSuchListener(Problem):
    """A name that is neither an id nor a source with an id of its own."""


class NoSuchRole(Problem):
    """A role that no endpoint knows."""


def run(listener: str, *, roles: Sequence[str]) -> None:
    """Print a token for a listener, named by id or by SOURCE:EXTERNAL_ID."""
    from cli import say
    from cli.running import running

    if unknown := sorted(set(roles) - set(ROLES)):
        raise NoSuchRole(f"there is no role {unknown[0]!r}; there are {', '.join(ROLES)}")
    given = settings.load()
    maker = token_maker(given)
    with running(given) as connected:
        user_id = find(connected.engines.postgres, listener)
    say.out.print(maker.issue(user_id, roles=roles, now=utc_now()), markup=False)


def find(postgres_url: str, listener: str) -> UserId:
    """The id of the listener named by their id here or by SOURCE:EXTERNAL_ID. Raises ListenerNotFound."""
    return asyncio.run(_find(postgres_url, listener))


async def _find(postgres_url: str, listener: str) -> UserId:
    from catalog_api.listeners.service import Listeners
    from foundation.engines.postgres import open_postgres

    source, is_external, external_id = listener.partition(":")
    if not is_external and not (listener.isascii() and listener.isdigit() and len(listener) < LONGEST_ID):
        raise NoSuchListener(f"{listener!r} names nobody: say a listener's id here, or SOURCE:EXTERNAL_ID")
    postgres = open_postgres(postgres_url, connections=1)
    try:
        async with postgres.reading() as db:
            listeners = Listeners(db)
            if is_external:
                return UserId((await listeners.by_external_id(source, external_id)).id)
            return UserId((await listeners.by_id(UserId(int(listener)))).id)
    finally:
        await postgres.close()
