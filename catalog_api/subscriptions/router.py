"""Subscriptions over HTTP."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from catalog_api.listeners.errors import ListenerNotFound
from catalog_api.revocations.service import Revoking
from catalog_api.subscriptions.errors import AlreadySubscribed, NotSubscribed, PaymentDeclined
from catalog_api.subscriptions.payments import payments_of
from catalog_api.subscriptions.plans import FREE, PLANS
from catalog_api.subscriptions.schemas import PlanOut, PlansOut, SubscribeIn, SubscriptionOut
from catalog_api.subscriptions.service import Subscribing, Subscriptions
from foundation.errors import Unreachable
from foundation.http.idempotency import HEADER, IdempotencyKeyReused
from foundation.http.principal import Listener, MissingToken
from foundation.http.problems import InvalidRequest, problems
from foundation.http.route import Route
from foundation.http.sessions import Reads, Writes
from foundation.security import InvalidToken

router = APIRouter(tags=["subscriptions"], route_class=Route)


async def subscriptions(db: Reads) -> Subscriptions:
    """Subscriptions, read."""
    return Subscriptions(db)


async def subscribing(db: Writes, request: Request) -> Subscribing:
    """Subscriptions, changed in this request's transaction."""
    state = request.app.state
    revoking = Revoking(db, state.revocations, state.now, state.tokens.lifetime)
    return Subscribing(db, payments_of(state.settings), revoking, state.now)


Changing = Annotated[Subscribing, Depends(subscribing)]


@router.get("/subscription-plans")
async def subscription_plans() -> PlansOut:
    """What can be subscribed to, and what it costs."""
    return PlansOut(
        results=[
            PlanOut(
                plan=plan.name,
                title=plan.title,
                subscription_type=plan.subscription_type,
                price_cents=plan.cents,
                currency=plan.currency,
                months=plan.months,
            )
            for plan in (FREE, *PLANS.values())
        ]
    )


@router.get(
    "/me/subscription", responses=dict(problems(MissingToken, InvalidToken, ListenerNotFound, Unreachable))
)
async def my_subscription(
    listener: Listener, subscriptions: Annotated[Subscriptions, Depends(subscriptions)]
) -> SubscriptionOut:
    """Your tier, and what you pay for it."""
    return await subscriptions.of(listener.user_id)


@router.post(
    "/me/subscription",
    status_code=201,
    responses=dict(
        problems(
            MissingToken,
            InvalidToken,
            PaymentDeclined,
            ListenerNotFound,
            AlreadySubscribed,
            InvalidRequest,
            IdempotencyKeyReused,
            Unreachable,
        )
    ),
)
async def subscribe(
    told: SubscribeIn, listener: Listener, request: Request, subscribing: Changing
) -> SubscriptionOut:
    """Begin to pay, or go on with what was cancelled. Access tokens of before end: refresh to get one that says premium."""
    request_key = request.headers.get(HEADER) or secrets.token_hex(16)
    return await subscribing.start(listener.user_id, PLANS[told.plan], told.payment_method, request_key)


@router.delete(
    "/me/subscription", responses=dict(problems(MissingToken, InvalidToken, NotSubscribed, Unreachable))
)
async def cancel_subscription(listener: Listener, subscribing: Changing) -> SubscriptionOut:
    """Renew no more; what is paid you keep to its end."""
    return await subscribing.cancel(listener.user_id)
