"""Time as an argument: code asks a Clock, so that a test can stop it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_now() -> datetime:
    """The present moment, with its time zone (UTC)."""
    return datetime.now(UTC)


def microseconds(moment: datetime) -> int:
    """Since 1970: the version of a change."""
    return (moment - _EPOCH) // timedelta(microseconds=1)
