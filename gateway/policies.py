"""Which budget a request is paid from."""

from collections.abc import MutableMapping
from typing import Any

from foundation.http.door import PolicyOf
from foundation.http.rate_limit import Policy
from foundation.security import Principal
from foundation.settings import Limits

# Those that hash a password, read or write a whole account or history, or add up years of listening.
COSTLY = frozenset(
    {
        "/api/v1/auth/register",
        "/api/v1/auth/login",
        "/api/v1/auth/password",
        "/api/v1/playlists/import",
        "/api/v1/me/history/import",
        "/api/v1/me",
    }
)
COSTLY_BELOW = ("/api/v1/me/export", "/api/v1/me/history/export", "/api/v1/analytics/")
# The ends of addresses that draw an image, read or write a playlist of up to ten thousand songs, or ask the warehouse.
COSTLY_ENDS = ("/cover", "/copy", "/jspf", "/statistics")


def policies(limits: Limits) -> PolicyOf:
    """The rule: plays have a budget of their own, so that browsing never silences a listener's events.

    Health, metrics and the documentation cost nothing: who watches the service must not be refused by it.
    """
    window = int(limits.window.total_seconds())
    free, premium = Policy("free", limits.free, window), Policy("premium", limits.premium, window)
    plays, address = Policy("plays", limits.plays, window), Policy("address", limits.address, window)
    costly = Policy("costly", limits.costly, window)

    def policy_of(scope: MutableMapping[str, Any], principal: Principal | None) -> Policy | None:
        path: str = scope["path"]
        if not path.startswith("/api/"):
            return None
        if (path in COSTLY and scope["method"] in ("POST", "DELETE")) or path.startswith(COSTLY_BELOW):
            return costly
        if path.endswith(COSTLY_ENDS) and scope["method"] != "DELETE":
            return costly
        if principal is None:
            return address
        if scope["method"] == "POST" and path.endswith("/play"):
            return plays
        return premium if principal.subscription == "premium" else free

    return policy_of
