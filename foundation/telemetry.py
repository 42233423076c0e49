"""Logging for every process of Segue: one line an event, on stderr, with time, level and the part that speaks."""

import logging
import sys


def configure_logging(part: str, level: int = logging.INFO) -> None:
    """Send the log of this process to stderr; the supervisor keeps it in `log/NAME.log`."""
    logging.basicConfig(
        level=level,
        stream=sys.stderr,
        format=f"%(asctime)s %(levelname)s {part} %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        force=True,
    )
