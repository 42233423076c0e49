"""Engines for the length of a command: the ones that run, or ones started for it and stopped after it."""

from collections.abc import Iterator
from contextlib import contextmanager

from cli import platform, say
from foundation import settings as foundation_settings
from foundation.errors import NotRunning
from foundation.settings import Settings


@contextmanager
def running(settings: Settings) -> Iterator[Settings]:
    """The settings with real URLs; starts the engines and the shipper when nothing runs on this home."""
    if connected := _connected(settings):
        yield connected
        return
    say.line("Segue is not running: starting its engines for this command (./segue up --detach keeps them).")
    platform.start_detached(settings, port=None, with_api=False)
    try:
        yield foundation_settings.connected(settings)
    finally:
        platform.stop(settings)


def _connected(settings: Settings) -> Settings | None:
    try:
        return foundation_settings.connected(settings)
    except NotRunning:
        return None
