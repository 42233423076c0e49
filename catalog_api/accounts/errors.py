"""Why an account cannot be made."""

from foundation.errors import Problem


class EmailTaken(Problem):
    """Somebody signed up with this address before."""

    status, title = 409, "This e-mail address has an account already"
