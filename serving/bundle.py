"""Follows the pointer to the published version, so that each serving process always holds one whole bundle."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar

log = logging.getLogger(__name__)

COLLECTION = "songs"
EVERY = 1.0  # seconds between two looks at the pointer

Loaded = TypeVar("Loaded")


class Pointer(Protocol):
    """The part of the vectors port that says what serves."""

    def current(self, collection: str) -> str | None:
        """The published version, if there is one."""


class LiveBundle(Generic[Loaded]):
    """What this process serves from: `load(version)` of the version that the pointer names.

    A thread looks at the pointer, loads a new version completely beside the old one and then replaces one reference.
    A request takes `current` once and keeps it: it never sees two versions, and no request waits for a load.
    When loading fails, the old version stays and the next look tries again.
    """

    def __init__(self, pointer: Pointer, load: Callable[[str], Loaded], *, every: float = EVERY) -> None:
        self._pointer, self._load, self._every = pointer, load, every
        self._live: tuple[str, Loaded] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-bundle", daemon=True)
        self.failure: str | None = None  # why the newest version is not live, for health reports

    @property
    def current(self) -> Loaded | None:
        """What serves now; hold it for the whole of a request."""
        live = self._live
        return None if live is None else live[1]

    @property
    def version(self) -> str | None:
        """The version that serves now."""
        live = self._live
        return None if live is None else live[0]

    @property
    def is_ready(self) -> bool:
        """Whether a bundle serves."""
        return self._live is not None

    def follow(self) -> bool:
        """Look once; returns whether another version serves now."""
        try:
            version = self._pointer.current(COLLECTION)
            if version is None or version == self.version:
                self.failure = None
                return False
            self._live = (version, self._load(version))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the new version, the old one serves on
            if self.failure != str(error):
                log.warning(
                    "the published version is not live, %s serves on: %s", self.version or "nothing", error
                )
            self.failure = str(error)
            return False
        self.failure = None
        log.info("version %s is live", version)
        return True

    def __enter__(self) -> Self:
        self.follow()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.follow()
