"""What may be wrong with a listener that someone asks for."""

from foundation.errors import Problem


class ListenerNotFound(Problem):
    """Nobody has this id."""

    status, title = 404, "There is no such listener"
