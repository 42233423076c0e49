"""Reads and writes accounts and preferences."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import column, func, select, table, update
from sqlalchemy.dialects.postgresql import insert

from catalog_api.accounts.tables import Preferences
from catalog_api.listeners.tables import ExternalId, User
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId

PLAYLISTS = table(
    "playlists", column("id"), column("user_id")
)  # what we need to know of another domain's table
MOST_KEPT = 10_000


async def by_id(db: Reading, user_id: UserId) -> User | None:
    """The account of this id."""
    return await db.scalar(select(User).where(User.id == user_id))


async def by_email(db: Reading, email: str) -> User | None:
    """The account that signed up with this address, which is in its normal form."""
    return await db.scalar(select(User).where(User.email == email))


async def preferences_of(db: Reading, user_id: UserId) -> tuple[bool, Preferences | None]:
    """Whether there is such a listener, and what they prefer where they told."""
    asked = (
        select(User.id, Preferences)
        .outerjoin(Preferences, Preferences.user_id == User.id)
        .where(User.id == user_id)
    )
    row = (await db.execute(asked)).one_or_none()
    return row is not None, None if row is None else row[1]


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
    told = insert(Preferences).values(user_id=user_id, **values)
    changed = told.on_conflict_do_update(
        index_elements=["user_id"], set_={**values, "updated_at": func.now()}
    ).returning(Preferences)
    return (await db.scalars(changed)).one()


async def _is_there(db: Writing, user_id: UserId) -> bool:
    """Whether there is such a listener, who then stays until this transaction has ended."""
    asked = select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
    return await db.scalar(asked) is not None
