"""Why a subscription does not begin, or cannot be ended."""

from foundation.errors import Problem


class PaymentDeclined(Problem):
    """The payment provider refused; nothing was begun."""

    status, title = 402, "The payment was declined"


class AlreadySubscribed(Problem):
    """You have a subscription that renews by itself."""

    status, title = 409, "You have a subscription already"


class NotSubscribed(Problem):
    """You have no subscription that could be cancelled."""

    status, title = 404, "You have no subscription"
