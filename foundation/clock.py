"""Time as an argument: code asks a Clock, so that a test can stop it."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]


def utc_now() -> datetime:
    """The present moment, with its time zone (UTC)."""
    return datetime.now(UTC)
