"""Reads what a play takes from its listener."""

from sqlalchemy import text

from foundation.engines.postgres import Reading
from foundation.ids import UserId

_STANDING = text(
    "SELECT users.country, coalesce(preferences.is_private_session, false) FROM users "
    "LEFT JOIN preferences ON preferences.user_id = users.id WHERE users.id = :listener"
)


async def country_and_privacy_of(db: Reading, listener: UserId) -> tuple[str, bool] | None:
    """The country of the profile, and whether the session is private; None where nobody has this id."""
    row = (await db.execute(_STANDING, {"listener": listener})).one_or_none()
    return None if row is None else (row[0], row[1])
