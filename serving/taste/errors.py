"""Why a word on one's recommendations may not be taken."""

from foundation.errors import Problem


class NoFeedback(Problem):
    """The listener said nothing of the kind."""

    status, title = 404, "You gave no such feedback"


class RunsOutBefore(Problem):
    """A wish that would have ended before it began, or that ends beyond all calendars."""

    status, title = 422, "This wish ends at no time that it could"
