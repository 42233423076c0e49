"""Opens a process's own log as the settings say."""

import os

from event_log.log import EventLog, worker_name
from foundation.clock import utc_now
from foundation.settings import Settings


def open_log(settings: Settings, role: str) -> EventLog:
    """A new log of this process, for what it does as `role`; close it at the end."""
    limits = settings.event_log
    worker = worker_name(role, utc_now(), os.getpid())
    return EventLog(settings.log_dir, worker, age=limits.segment_age, size=limits.segment_bytes)
