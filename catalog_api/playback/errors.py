"""Why a told play may be refused."""

from foundation.errors import Problem


class PlayOutOfTime(Problem):
    """The play began in the future, or so long ago that its repetition could no longer be recognised."""

    status, title = 422, "This play is out of time"


class BodyTooLarge(Problem):
    """The body is longer than any play can be; it is not read to its end."""

    status, title = 413, "This body is too large"

    def __init__(self, limit: int) -> None:
        super().__init__(f"a play is told in at most {limit:,} bytes", limit=limit)
