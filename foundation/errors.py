"""Refusals: every one is a class with a status, and reads the same in HTTP, in the CLI and in tests."""

import re
from typing import ClassVar


class Problem(Exception):
    """A refusal the caller can act on. `foundation.http` turns it into application/problem+json (RFC 9457).

    `detail` is for people; `facts` are further members of the problem object.
    """

    status: ClassVar[int] = 400
    title: ClassVar[str] = "Bad request"

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail, self.facts = detail, facts

    @classmethod
    def code(cls) -> str:
        """The class name as machines read it.

        >>> NotRunning.code()
        'not-running'
        """
        return re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()


class NotRunning(Problem):
    """An engine is wanted that nobody has started."""

    status, title = 503, "Segue is not running"


class Unreachable(Problem):
    """A dependency does not answer at the moment."""

    status, title = 503, "A dependency does not answer"


class NoRoom(Problem):
    """What must be written to disk first finds it full."""

    status, title = 507, "There is no room for this"


class Unconfigured(Problem):
    """A setting is missing or unsafe for this place."""

    status, title = 500, "Segue is not configured for this"
