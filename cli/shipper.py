"""The shipper's process (`python -m cli.shipper`): carries the event log and the outbox to the stores."""

import argparse
import logging
import signal
import threading
from pathlib import Path

from foundation import settings as foundation_settings
from foundation.settings import share_metrics
from foundation.telemetry import close_telemetry, configure_telemetry

log = logging.getLogger(__name__)


def main() -> None:
    """Ship until SIGTERM."""
    arguments = argparse.ArgumentParser(prog="python -m cli.shipper", description=__doc__)
    arguments.add_argument("--ready", type=Path, help="a file to write once shipping has begun")
    given = arguments.parse_args()
    settings = foundation_settings.load()
    share_metrics(settings)
    from cli.shipping import ship  # only now: the metrics have their folder

    configure_telemetry("shipper", settings.telemetry)
    stop = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    try:
        ship(settings, stop, given.ready)
    finally:
        close_telemetry()
    log.info("stopped")


if __name__ == "__main__":
    main()
