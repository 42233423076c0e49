"""Removes what sign-ins leave behind once nobody can ask for it any more."""

from collections import Counter
from datetime import datetime, timedelta

from catalog_api.auth import repository
from catalog_api.revocations import repository as revocations
from foundation.engines.postgres import Postgres

ANSWERS_KEPT = timedelta(days=1)  # of requests with an Idempotency-Key


async def tidy(postgres: Postgres, now: datetime, refresh_lifetime: timedelta) -> Counter[str]:
    """Remove sessions, refresh tokens, revocations and kept answers that nobody asks for any more; gives how many."""
    removed: Counter[str] = Counter()
    async with postgres.writing() as db:
        removed["revocations"] = await revocations.remove_expired(db, now)
    while True:
        async with postgres.writing() as db:
            some = Counter(
                sessions=await repository.remove_expired_sessions(db, now),
                refresh_tokens=await repository.remove_used_tokens(db, now - refresh_lifetime),
                answers=await repository.remove_kept_answers(db, now - ANSWERS_KEPT),
            )
        removed += some
        if max(some.values()) < repository.REMOVED_AT_ONCE:
            return removed
