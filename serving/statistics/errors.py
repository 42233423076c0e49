"""Why statistics may be refused."""

from foundation.errors import Problem


class UnknownTimeZone(Problem):
    """No clock goes by that name."""

    status, title = 422, "There is no such time zone"


class UnknownArtist(Problem):
    """The warehouse knows no song of this artist."""

    status, title = 404, "There is no such artist here"


class BackToFront(Problem):
    """A stretch of days that ends before it begins, or is longer than one may ask for at once."""

    status, title = 422, "These days cannot be asked for"


class AskedTooMuch(Problem):
    """The warehouse gave the question up: it took longer, or more memory, than one question may."""

    status, title = 503, "This took the warehouse too long"
