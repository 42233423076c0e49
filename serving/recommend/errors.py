"""Why a recommendation may be refused."""

from foundation.errors import Problem


class UnknownListener(Problem):
    """Nobody has told of this listener."""

    status, title = 404, "There is no such listener"


class NoModel(Problem):
    """Nothing has been published to recommend from, and nothing is trending."""

    status, title = 503, "There is nothing to recommend from yet"
