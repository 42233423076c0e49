"""Why the event log may refuse an event; a refused event is not stored, and may be sent again."""

from foundation.errors import Problem


class LogUnavailable(Problem):
    """The log cannot write at the moment."""

    status, title = 503, "The event log cannot write"


class LogFull(LogUnavailable):
    """The disk of the log has no room."""

    status, title = 507, "The event log has no room"


class LogBusy(LogUnavailable):
    """More is waiting to be written than the log holds in memory."""

    status, title = 503, "The event log is busy"


class AlreadyShipping(Problem):
    """Another process ships this log: two would count the same play twice."""

    status, title = 409, "This log is being shipped already"
