"""Why a told play may be refused."""

from foundation.errors import Problem


class PlayOutOfTime(Problem):
    """The play began in the future, or so long ago that its repetition could no longer be recognised."""

    status, title = 422, "This play is out of time"
