"""Why somebody is not let in."""

from foundation.errors import Problem


class WrongCredentials(Problem):
    """Nobody has this e-mail address and this password; which of the two is wrong is not told."""

    status, title = 401, "The e-mail address or the password is wrong"


class InvalidRefreshToken(Problem):
    """The refresh token is none of ours, was used before, or its session has ended: sign in again."""

    status, title = 401, "This refresh token does not hold"


class WrongPassword(Problem):
    """The current password, which a change needs, is another."""

    status, title = 403, "This is not your password"


class WeakPassword(Problem):
    """A password that is among the first that anybody would try."""

    status, title = 422, "This password is too easy to guess"


class TooManyFailures(Problem):
    """Too many wrong passwords of this account, or from this address; `retry_after` says for how many seconds."""

    status, title = 429, "Too many wrong passwords"


class SessionNotFound(Problem):
    """You have no such session."""

    status, title = 404, "There is no such session"


class NoSession(Problem):
    """The token was not given by a sign-in, so there is no session to end; it holds until it expires."""

    status, title = 409, "This token belongs to no session"


class SigningInBusy(Problem):
    """So many sign in at this moment that one more would wait too long."""

    status, title = 503, "Too many sign in at this moment"
