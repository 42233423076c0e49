"""What people may not do with each other."""

from foundation.errors import Problem


class NotYourself(Problem):
    """Nobody follows or blocks themselves."""

    status, title = 409, "This cannot be done with oneself"


class BlockedByYou(Problem):
    """One who blocks somebody neither follows nor is followed by them."""

    status, title = 409, "You block this listener"


class NotYourFollower(Problem):
    """Songs are sent to people who follow the sender, and to nobody else."""

    status, title = 403, "This listener does not follow you"


class ShareNotFound(Problem):
    """The inbox holds nothing of this id."""

    status, title = 404, "There is no such share"
