"""The port to whoever moves the money, and an implementation that moves none."""

from dataclasses import dataclass
from typing import Protocol

from catalog_api.subscriptions.errors import PaymentDeclined
from foundation.ids import UserId
from foundation.settings import Settings


@dataclass(frozen=True, slots=True)
class Charge:
    """One payment. `key` is the same whenever the same payment is asked for again."""

    key: str
    user_id: UserId
    cents: int
    currency: str
    method: str  # what the provider calls the card or account; no number of one ever reaches us


class Payments(Protocol):
    """A payment provider."""

    async def charge(self, charge: Charge) -> str:
        """Take the money, once for each key; gives the provider's reference.

        Raises PaymentDeclined, or Unreachable where the provider does not answer.
        """
        ...


class LocalPayments:
    """Takes no money, for laptops and tests: the method `local:ok` pays, and every other is declined."""

    async def charge(self, charge: Charge) -> str:
        """A reference made of the key. Raises PaymentDeclined."""
        if charge.method != "local:ok":
            raise PaymentDeclined("the local provider takes the method local:ok alone")
        return f"local-{charge.key}"


class NoPayments:
    """Declines everything: in production nobody gets for nothing what others pay for."""

    async def charge(self, charge: Charge) -> str:
        """Raises PaymentDeclined."""
        raise PaymentDeclined("no payment provider is set up here")


def payments_of(settings: Settings) -> Payments:
    """The provider of this place; a real one is put here."""
    return NoPayments() if settings.place == "production" else LocalPayments()
