"""Tells an export what other parts of the platform than the catalog keep of a person: neither knows the other."""

import msgspec

from catalog_api.account_data.export import Elsewhere
from feature_store.online import ListenersOnline
from foundation.ids import UserId


def feedback_of(online: ListenersOnline) -> Elsewhere:
    """The file of an export with what somebody wants of their recommendations. Reading it raises Unreachable."""

    async def told(user_id: UserId) -> bytes:
        lately = await online.of(user_id)
        return msgspec.json.format(msgspec.json.encode(lately.wishes.feedback)) + b"\n"

    return Elsewhere(
        "recommendation_feedback",
        "What you want more or less of, never, or forgotten in your recommendations.",
        told,
    )
