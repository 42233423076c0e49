"""Clocks for tests."""

import time
from datetime import datetime, timedelta


class Moving:
    """The time since it was made, counted from a moment of our choice; `push` it to let time pass."""

    def __init__(self, at: datetime) -> None:
        self._at, self._made_at = at, time.monotonic()

    def __call__(self) -> datetime:
        return self._at + timedelta(seconds=time.monotonic() - self._made_at)

    def push(self, by: timedelta) -> None:
        self._at += by
