"""Reads and writes accounts and preferences."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, column, func, select, table, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from catalog_api.accounts.tables import Preferences
from catalog_api.listeners.tables import ExternalId, User
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, unwatched
from foundation.ids import UserId

_users, _preferences = table_of(User), table_of(Preferences)
PLAYLISTS = table(
    "playlists", column("id"), column("user_id")
)  # what we need to know of another domain's table
MOST_KEPT = 10_000


async def by_id(db: Reading, user_id: UserId) -> User | None:
    """The account of this id."""
    row = (await db.execute(_of_id(), {"user_id": user_id})).one_or_none()
    return None if row is None else unwatched(User, row)


@cache
def _of_id() -> Select[*tuple[Any, ...]]:
    return select(*_users.c).where(_users.c.id == bindparam("user_id"))


async def by_email(db: Reading, email: str) -> User | None:
    """The account that signed up with this address, which is in its normal form."""
    return await db.scalar(select(User).where(User.email == email))


async def preferences_of(db: Reading, user_id: UserId) -> tuple[bool, Preferences | None]:
    """Whether there is such a listener, and what they prefer where they told."""
    row = (await db.execute(_preferences_of(), {"listener": user_id})).one_or_none()
    if row is None:
        return False, None
    return True, None if row.user_id is None else unwatched(Preferences, row)


@cache
def _preferences_of() -> Select[*tuple[Any, ...]]:
    return (
        select(_users.c.id.label("listener_id"), *_preferences.c)
        .outerjoin(_preferences, _preferences.c.user_id == _users.c.id)
        .where(_users.c.id == bindparam("listener"))
    )


async def named_elsewhere(db: Reading, user_id: UserId) -> tuple[str, str]:
    """The source a listener was first imported from, and their id there; both "" for one who signed up here."""
    asked = (
        select(ExternalId.source, ExternalId.external_id)
        .where(ExternalId.kind == "listener", ExternalId.id == user_id)
        .order_by(ExternalId.source, ExternalId.external_id)
        .limit(1)
    )
    row = (await db.execute(asked)).one_or_none()
    return ("", "") if row is None else (row[0], row[1])


async def playlists_of(db: Reading, user_id: UserId) -> Sequence[int]:
    """The playlists that tell this person's name as their owner's: the newest, as many as may be kept at once."""
    newest = select(PLAYLISTS.c.id).where(PLAYLISTS.c.user_id == user_id).order_by(PLAYLISTS.c.id.desc())
    return (await db.scalars(newest.limit(MOST_KEPT))).all()


async def add(db: Writing, values: Mapping[str, Any]) -> User | None:
    """A new account; None where its address is taken."""
    made = insert(User).values(**values).on_conflict_do_nothing(index_elements=[User.email]).returning(User)
    return await db.scalar(made)


async def add_preferences(db: Writing, values: Mapping[str, Any]) -> None:
    """The preferences of a new account."""
    await db.execute(insert(Preferences).values(**values))


async def change(db: Writing, user_id: UserId, values: Mapping[str, Any]) -> User | None:
    """The account with these columns changed; None where there is none."""
    changed = update(User).where(User.id == user_id).values(**values, updated_at=func.now()).returning(User)
    return await db.scalar(changed.execution_options(synchronize_session=False))


async def prefer(db: Writing, user_id: UserId, values: Mapping[str, Any]) -> Preferences | None:
    """The preferences with these columns changed; None where there is no such listener."""
    if not await _is_there(db, user_id):
        return None
    told = {f"new_{name}": value for name, value in values.items()}
    row = (await db.execute(_preferred(frozenset(values)), {"listener": user_id, **told})).one()
    return unwatched(Preferences, row)


@cache
def _preferred(names: frozenset[str]) -> ReturningInsert[*tuple[Any, ...]]:
    told: dict[str, Any] = {name: bindparam(f"new_{name}") for name in sorted(names)}
    first = insert(_preferences).values(user_id=bindparam("listener"), **told)
    changed = {name: first.excluded[name] for name in told} | {"updated_at": func.now()}
    return first.on_conflict_do_update(index_elements=["user_id"], set_=changed).returning(*_preferences.c)


async def _is_there(db: Writing, user_id: UserId) -> bool:
    """Whether there is such a listener, who then stays until this transaction has ended."""
    return await db.scalar(_kept(), {"user_id": user_id}) is not None


@cache
def _kept() -> Select[int]:
    asked = select(_users.c.id).where(_users.c.id == bindparam("user_id"))
    return asked.with_for_update(read=True, key_share=True)
