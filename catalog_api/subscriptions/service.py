"""When a subscription begins, goes on and ends; the tier of its listener follows."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.revocations.service import Revoking
from catalog_api.subscriptions import repository
from catalog_api.subscriptions.errors import AlreadySubscribed, NotSubscribed, PaymentDeclined
from catalog_api.subscriptions.payments import Charge, Payments
from catalog_api.subscriptions.plans import FREE, PLANS, Plan, later
from catalog_api.subscriptions.schemas import SubscriptionOut
from catalog_api.subscriptions.tables import Subscription
from foundation.clock import Clock
from foundation.engines.postgres import Reading, Writing
from foundation.errors import Unreachable
from foundation.ids import UserId

GRACE = timedelta(days=7)  # for which a declined renewal keeps its tier
TRY_AGAIN = timedelta(days=1)  # after a declined payment
PROVIDER_AWAY = timedelta(minutes=10)  # until the next try where nobody answers

Status = Literal["active", "cancelled", "past_due", "expired"]
Outcome = Literal["renewed", "declined", "expired", "postponed"]


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """Subscriptions, read."""

    db: Reading

    async def of(self, user_id: UserId) -> SubscriptionOut:
        """A listener's tier and what they pay for it. Raises ListenerNotFound."""
        found = await repository.latest(self.db, user_id)
        if found is None:
            raise _nobody(user_id)
        tier, subscription = found
        return SubscriptionOut(subscription_type=tier) if subscription is None else _told(subscription, tier)


@dataclass(frozen=True, slots=True)
class Subscribing:
    """Subscriptions, changed. With the tier the access tokens of the account end: the next refresh tells the new one."""

    db: Writing
    payments: Payments
    revoking: Revoking
    now: Clock

    async def start(self, user_id: UserId, plan: Plan, method: str, request_key: str) -> SubscriptionOut:
        """Begin to pay; a cancelled subscription goes on as it is paid, one past due is paid now.

        `request_key` is the same when the same request is sent again. Raises PaymentDeclined, AlreadySubscribed, ListenerNotFound.
        """
        subscription = await repository.current(self.db, user_id)
        if subscription is None:
            subscription = await self._begun(user_id, plan, method, request_key)
        elif subscription.status == "cancelled":
            # What is paid is paid: the new plan counts from the next renewal on.
            subscription.plan, subscription.payment_method = plan.name, method
            subscription.status, subscription.cancelled_at = "active", None
        elif subscription.status == "past_due":
            subscription.plan, subscription.payment_method = plan.name, method
            key = f"recover:{subscription.id}:{request_key}"
            subscription.payment_reference = await self._charged(subscription, plan, key)
            self._prolong(subscription, plan, self.now())
        else:
            raise AlreadySubscribed(
                f"{subscription.plan} renews by itself: cancel it to change it", plan=subscription.plan
            )
        await self._tier(subscription.user_id, plan.subscription_type)
        return _told(subscription, plan.subscription_type)

    async def cancel(self, user_id: UserId) -> SubscriptionOut:
        """Renew no more: what is paid is kept to its end. Raises NotSubscribed."""
        subscription = await repository.current(self.db, user_id)
        if subscription is None:
            raise NotSubscribed("there is nothing to cancel")
        if subscription.status == "past_due":
            subscription.cancelled_at = self.now()
            await self._end(subscription)
            return _told(subscription, FREE.subscription_type)
        if subscription.status == "active":
            subscription.status, subscription.cancelled_at = "cancelled", self.now()
            await self.db.flush()
        return _told(subscription, PLANS[subscription.plan].subscription_type)

    async def look_after(self, subscription: Subscription) -> Outcome:
        """Do what is due: renew, try again, or end."""
        now = self.now()
        if subscription.status == "cancelled":
            await self._end(subscription)
            return "expired"
        plan = PLANS[subscription.plan]
        try:
            # One key for one day's try: after a crash behind the charge it is the same payment again.
            key = f"renew:{subscription.id}:{subscription.due_at.isoformat()}"
            subscription.payment_reference = await self._charged(subscription, plan, key)
        except Unreachable:
            subscription.due_at = now + PROVIDER_AWAY
            return "postponed"
        except PaymentDeclined:
            if now >= subscription.renews_at + GRACE:
                await self._end(subscription)
                return "expired"
            subscription.status = "past_due"
            subscription.due_at = min(now + TRY_AGAIN, subscription.renews_at + GRACE)
            return "declined"
        self._prolong(subscription, plan, now)
        return "renewed"

    async def _begun(self, user_id: UserId, plan: Plan, method: str, request_key: str) -> Subscription:
        if not await repository.has_listener(self.db, user_id):
            raise _nobody(user_id)
        now = self.now()
        paid_until = later(now, plan.months, now.day)
        begun = Subscription(
            user_id=user_id,
            plan=plan.name,
            status="active",
            started_at=now,
            renews_at=paid_until,
            due_at=paid_until,
            payment_method=method,
            payment_reference="",
        )
        subscription = await repository.add(self.db, begun)
        if subscription is None:
            raise AlreadySubscribed("another request of yours began a subscription at this moment")
        key = f"start:{user_id}:{request_key}"
        subscription.payment_reference = await self._charged(subscription, plan, key)
        return subscription

    async def _charged(self, subscription: Subscription, plan: Plan, key: str) -> str:
        charge = Charge(
            key=key,
            user_id=UserId(subscription.user_id),
            cents=plan.cents,
            currency=plan.currency,
            method=subscription.payment_method,
        )
        return await self.payments.charge(charge)

    def _prolong(self, subscription: Subscription, plan: Plan, now: datetime) -> None:
        """Paid for one period more; periods that went by while nobody looked are given away."""
        paid_until = subscription.renews_at
        while paid_until <= now:
            paid_until = later(paid_until, plan.months, subscription.started_at.day)
        subscription.status = "active"
        subscription.renews_at = subscription.due_at = paid_until

    async def _end(self, subscription: Subscription) -> None:
        subscription.status, subscription.ended_at = "expired", self.now()
        await self.db.flush()
        await self._tier(subscription.user_id, FREE.subscription_type)

    async def _tier(self, user_id: int, tier: str) -> None:
        await self.db.flush()
        if await repository.set_tier(self.db, UserId(user_id), tier):
            await self.revoking.account(UserId(user_id))


def _nobody(user_id: UserId) -> ListenerNotFound:
    return ListenerNotFound(f"nobody has the id {user_id}", user_id=user_id)


def _told(subscription: Subscription, tier: str) -> SubscriptionOut:
    return SubscriptionOut(
        subscription_type=tier,
        plan=subscription.plan,
        status=cast("Status", subscription.status),
        started_at=subscription.started_at,
        renews_at=subscription.renews_at,
        cancelled_at=subscription.cancelled_at,
        ended_at=subscription.ended_at,
    )
