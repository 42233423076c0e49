"""Waiting until what stands in the event log is in every store, without waiting for what comes after it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from catalog_api.imports.errors import LogStuck
from event_log.reading import is_numbered
from event_log.segments import CLOSED, OPEN

Progress = Callable[[str, int, int], None]  # what is being done, how many are done, of how many


def silent(_what: str, _done: int, _all: int) -> None:
    """Progress for those who do not want to see it."""


@dataclass(frozen=True, slots=True)
class Shipping:
    """The log's folder as seen by someone who waits for its shipper."""

    directory: Path
    patience: timedelta = timedelta(seconds=60)  # without a single segment shipped
    pause: timedelta = timedelta(milliseconds=25)

    def wait(self, progress: Progress) -> None:
        """Return when every segment that is there now is in every store; new ones may come meanwhile.

        Raises LogStuck when nothing moves for `patience`.
        """
        awaited = self._there()
        total = left = len(awaited)
        moved_at = time.monotonic()
        while awaited:
            progress("waiting for the stores", total - len(awaited), total)
            time.sleep(self.pause.total_seconds())
            awaited &= self._there()
            if len(awaited) < left:
                left, moved_at = len(awaited), time.monotonic()
            elif time.monotonic() - moved_at > self.patience.total_seconds():
                raise LogStuck(
                    f"{left} segments wait in {self.directory} and none was shipped for "
                    f"{self.patience.total_seconds():.0f} s. Is the shipper running (./segue status)? What was "
                    "imported so far is safe: run the same import again to finish it",
                    waiting=left,
                )
        progress("waiting for the stores", total, total)

    def _there(self) -> set[str]:
        return {
            path.stem
            for path in self.directory.iterdir()
            if path.suffix in (OPEN, CLOSED) and is_numbered(path)  # what nobody ships, nobody may wait for
        }
