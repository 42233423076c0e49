"""What an import refuses, and how it says so."""

from pathlib import Path

from foundation.errors import Problem


class NothingToImport(Problem):
    """The path names nothing that one of the readers can read."""

    status, title = 422, "This is no listening history that Segue can read"


class BrokenFile(Problem):
    """The file is of a known kind and cannot be trusted: nothing of it is taken."""

    status, title = 422, "This file is broken"

    def __init__(self, path: Path, line: int, what: str) -> None:
        super().__init__(f"{path.name}, line {line}: {what}", file=path.name, line=line)


class BrokenHistory(Problem):
    """A history refers to a listener, artist or song that it does not tell, or holds what cannot be stored."""

    status, title = 422, "This history does not hang together"


class LogStuck(Problem):
    """The event log is not being shipped, so that an import can neither tell what is new nor finish."""

    status, title = 503, "The event log is not being shipped"


class NoThreshold(Problem):
    """Names are alike by something between two bounds: below the lower one, every name is like many others."""

    status, title = 422, "This is no threshold"
