"""Reads and writes sign-ins and refresh tokens.

Whoever locks more than one row locks an account first, then its refresh token, then its session: nobody waits in a ring.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import DateTime, Select, delete, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert

from catalog_api.auth.tables import RefreshToken, Session
from catalog_api.listeners.tables import User
from foundation.engines.postgres import Reading, Writing
from foundation.ids import UserId

REMOVED_AT_ONCE = 5_000  # rows, so that no statement takes longer than a request may


class Family(NamedTuple):
    """A refresh token with the session and the account it belongs to."""

    session_id: UUID
    was_used: bool
    user: User


async def by_email(db: Reading, email: str) -> User | None:
    """The account that signed up with this address, which is in its normal form."""
    return await db.scalar(select(User).where(User.email == email))


async def by_id(db: Reading, user_id: UserId) -> User | None:
    """The account of this id."""
    return await db.scalar(select(User).where(User.id == user_id))


async def still_having(db: Writing, user_id: int, password_hash: str) -> User | None:
    """The account, unless its password was changed meanwhile; it stays as it is until this transaction has ended."""
    asked = select(User).where(User.id == user_id, User.password_hash == password_hash)
    return await db.scalar(asked.with_for_update(read=True))


async def keep_password(db: Writing, user_id: int, before: str, password_hash: str) -> bool:
    """Replace a password's hash, unless it was replaced meanwhile; whether it was."""
    changed = (
        update(User)
        .where(User.id == user_id, User.password_hash == before)
        .values(password_hash=password_hash, updated_at=func.now())
        .returning(User.id)
    )
    return await db.scalar(changed.execution_options(synchronize_session=False)) is not None


async def begin(db: Writing, session: Session, token: RefreshToken, most: int) -> Sequence[UUID]:
    """A new session with its first refresh token; ends what the account has beyond `most` open ones, and gives those."""
    columns = (Session.id, Session.user_id, Session.device, Session.address)
    times = (Session.created_at, Session.last_used_at, Session.expires_at)
    values = {column.key: getattr(session, column.key) for column in (*columns, *times)}
    begun = insert(Session).values(values).returning(Session.id).cte("begun")
    given = select(literal(token.digest), begun.c.id, literal(token.issued_at, DateTime(timezone=True)))
    token_given = insert(RefreshToken).from_select(["digest", "session_id", "issued_at"], given).cte("given")
    # One statement sees the sessions of before it: the new one is not among them.
    beyond = _open(session.user_id, session.created_at).with_only_columns(Session.id).offset(most - 1)
    # Another login may be ending them at this moment: nobody waits for the other.
    mine = select(Session.id).where(Session.id.in_(beyond)).with_for_update(skip_locked=True)
    ended = (
        update(Session)
        .where(Session.id.in_(mine), Session.revoked_at.is_(None))
        .values(revoked_at=session.created_at, revoked_because="crowded")
        .returning(Session.id)
        .cte("ended")
    )
    return (await db.scalars(select(ended.c.id).add_cte(token_given))).all()


async def family_of(db: Writing, digest: bytes) -> Family | None:
    """Whose refresh token this is; the account stays as it is until this transaction has ended."""
    asked = (
        select(RefreshToken.session_id, RefreshToken.used_at, User)
        .join(Session, Session.id == RefreshToken.session_id)
        .join(User, User.id == Session.user_id)
        .where(RefreshToken.digest == digest)
        .with_for_update(read=True, of=User)
    )
    row = (await db.execute(asked)).one_or_none()
    return None if row is None else Family(row[0], row[1] is not None, row[2])


async def use(db: Writing, digest: bytes, now: datetime) -> bool:
    """Mark a refresh token as used; False where somebody else has: of many at once one gets True."""
    used = (
        update(RefreshToken)
        .where(RefreshToken.digest == digest, RefreshToken.used_at.is_(None))
        .values(used_at=now)
        .returning(RefreshToken.session_id)
    )
    return await db.scalar(used) is not None


async def prolong(db: Writing, session_id: UUID, now: datetime, expires_at: datetime) -> bool:
    """Note that a session is used; False where it has ended."""
    prolonged = (
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .values(last_used_at=now, expires_at=expires_at)
        .returning(Session.id)
    )
    return await db.scalar(prolonged) is not None


async def give(db: Writing, token: RefreshToken) -> None:
    """Another refresh token of a session."""
    values = {"digest": token.digest, "session_id": token.session_id, "issued_at": token.issued_at}
    await db.execute(insert(RefreshToken).values(values))


async def end(db: Writing, session_id: UUID, because: str, now: datetime, *, of: int | None = None) -> bool:
    """End a session; False where it had ended, or is not of the account `of`."""
    mine = () if of is None else (Session.user_id == of,)
    ended = (
        update(Session)
        .where(Session.id == session_id, Session.revoked_at.is_(None), *mine)
        .values(revoked_at=now, revoked_because=because)
        .returning(Session.id)
    )
    return await db.scalar(ended) is not None


async def end_others(
    db: Writing, user_id: int, but: UUID | None, because: str, now: datetime
) -> Sequence[UUID]:
    """End every session of an account but one; gives those that were open."""
    others = () if but is None else (Session.id != but,)
    ended = (
        update(Session)
        .where(Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > now, *others)
        .values(revoked_at=now, revoked_because=because)
        .returning(Session.id)
    )
    return (await db.scalars(ended)).all()


async def open_sessions(
    db: Reading, user_id: UserId, now: datetime, *, limit: int, offset: int
) -> tuple[Sequence[Session], int]:
    """The sessions of an account that hold, the last used first, and how many there are."""
    asked = _open(user_id, now).add_columns(func.count().over())
    rows = (await db.execute(asked.limit(limit).offset(offset))).all()
    return [row[0] for row in rows], rows[0][1] if rows else 0


async def remove_expired_sessions(db: Writing, now: datetime) -> int:
    """Remove some of the sessions that have ended by themselves, with their refresh tokens; gives how many."""
    expired = select(Session.id).where(Session.expires_at <= now).order_by(Session.expires_at)
    some = expired.limit(REMOVED_AT_ONCE).with_for_update(skip_locked=True)
    gone = delete(Session).where(Session.id.in_(some)).returning(Session.id)
    return len((await db.scalars(gone)).all())


async def remove_used_tokens(db: Writing, before: datetime) -> int:
    """Remove some of the refresh tokens that were used before a moment; gives how many."""
    used = select(RefreshToken.digest).where(RefreshToken.used_at < before).order_by(RefreshToken.used_at)
    some = used.limit(REMOVED_AT_ONCE).with_for_update(skip_locked=True)
    gone = delete(RefreshToken).where(RefreshToken.digest.in_(some)).returning(RefreshToken.session_id)
    return len((await db.scalars(gone)).all())


async def remove_kept_answers(db: Writing, before: datetime) -> int:
    """Remove the answers that were kept by their Idempotency-Key before a moment; gives how many."""
    gone = await db.execute(
        text(
            "DELETE FROM idempotency_keys WHERE (scope, key) IN ("
            "SELECT scope, key FROM idempotency_keys WHERE created_at < :before LIMIT :some FOR UPDATE SKIP LOCKED"
            ") RETURNING 1"
        ),
        {"before": before, "some": REMOVED_AT_ONCE},
    )
    return len(gone.all())


def _open(user_id: int, now: datetime) -> Select[Session]:
    """The sessions of an account that hold, the last used first."""
    return (
        select(Session)
        .where(Session.user_id == user_id, Session.revoked_at.is_(None), Session.expires_at > now)
        .order_by(Session.last_used_at.desc(), Session.id)
    )
