"""Reads and writes subscriptions, and the tier of their listeners.

Whoever locks both locks the subscription first, and then its listener.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from catalog_api.listeners.tables import User
from catalog_api.subscriptions.tables import Subscription
from foundation.engines.postgres import Reading, Writing
from foundation.engines.statements import table_of, unwatched
from foundation.ids import UserId

_users, _subscriptions = table_of(User), table_of(Subscription)


async def latest(db: Reading, user_id: UserId) -> tuple[str, Subscription | None] | None:
    """A listener's tier and their newest subscription, also one that has ended; None where nobody has this id."""
    row = (await db.execute(_latest(), {"listener": user_id})).one_or_none()
    if row is None:
        return None
    return row.subscription_type, None if row.id is None else unwatched(Subscription, row)


@cache
def _latest() -> Select[*tuple[Any, ...]]:
    return (
        select(_users.c.subscription_type, *_subscriptions.c)
        .outerjoin(_subscriptions, _subscriptions.c.user_id == _users.c.id)
        .where(_users.c.id == bindparam("listener"))
        .order_by(_subscriptions.c.id.desc().nulls_last())
        .limit(1)
    )


async def current(db: Writing, user_id: UserId) -> Subscription | None:
    """The subscription that has not ended, kept from everyone else until this transaction has."""
    asked = select(Subscription).where(Subscription.user_id == user_id, Subscription.ended_at.is_(None))
    return await db.scalar(asked.with_for_update())


async def has_listener(db: Writing, user_id: UserId) -> bool:
    """Whether there is such a listener, who then stays until this transaction has ended."""
    asked = select(User.id).where(User.id == user_id).with_for_update(read=True, key_share=True)
    return await db.scalar(asked) is not None


async def add(db: Writing, subscription: Subscription) -> Subscription | None:
    """A new one; None where another has begun meanwhile."""
    columns = (Subscription.user_id, Subscription.plan, Subscription.status, Subscription.started_at)
    more = (
        Subscription.renews_at,
        Subscription.due_at,
        Subscription.payment_method,
        Subscription.payment_reference,
    )
    made = (
        insert(Subscription)
        .values({column.key: getattr(subscription, column.key) for column in (*columns, *more)})
        .on_conflict_do_nothing(
            index_elements=[Subscription.user_id], index_where=Subscription.ended_at.is_(None)
        )
        .returning(Subscription)
    )
    return await db.scalar(made)


async def next_due(db: Writing, now: datetime, besides: Collection[int]) -> Subscription | None:
    """One that is to be looked at, and that nobody else is looking at."""
    due = select(Subscription).where(Subscription.ended_at.is_(None), Subscription.due_at <= now)
    if besides:
        due = due.where(Subscription.id.not_in(besides))
    return await db.scalar(due.order_by(Subscription.due_at).limit(1).with_for_update(skip_locked=True))


async def set_tier(db: Writing, user_id: int, tier: str) -> bool | None:
    """Whether a listener's tier changed by this; None where nobody has this id."""
    asked = select(User.subscription_type).where(User.id == user_id).with_for_update(key_share=True)
    before = await db.scalar(asked)
    if before is None or before == tier:
        return None if before is None else False
    changed = update(User).where(User.id == user_id).values(subscription_type=tier, updated_at=func.now())
    await db.execute(changed.execution_options(synchronize_session=False))
    return True
