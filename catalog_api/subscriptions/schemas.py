"""Plans and subscriptions as the API takes and tells them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from foundation.http.inputs import Input, Word

PlanName = Literal["premium-monthly", "premium-yearly"]


class PlanOut(BaseModel):
    """What can be subscribed to."""

    plan: str
    title: str
    subscription_type: str
    price_cents: int
    currency: str
    months: int = Field(description="For how many one payment lasts; 0: nothing is paid.")


class PlansOut(BaseModel):
    """Every plan, the free one first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "results": [
                        {
                            "plan": "premium-monthly",
                            "title": "Premium, by the month",
                            "subscription_type": "premium",
                            "price_cents": 999,
                            "currency": "EUR",
                            "months": 1,
                        }
                    ]
                }
            ]
        }
    )

    results: list[PlanOut]


class SubscribeIn(Input):
    """A plan, and what it is paid with."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"plan": "premium-monthly", "payment_method": "local:ok"}]}
    )

    plan: PlanName
    payment_method: Word = Field(
        description="What the payment provider calls your card or account; the local one takes `local:ok`."
    )


class SubscriptionOut(BaseModel):
    """What you pay for; all but the first are null for who never subscribed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "subscription_type": "premium",
                    "plan": "premium-monthly",
                    "status": "active",
                    "started_at": "2026-03-01T12:00:00Z",
                    "renews_at": "2026-04-01T12:00:00Z",
                    "cancelled_at": None,
                    "ended_at": None,
                }
            ]
        }
    )

    subscription_type: str = Field(description="free or premium.")
    plan: str | None = None
    status: Literal["active", "cancelled", "past_due", "expired"] | None = Field(
        default=None,
        description="cancelled: paid until `renews_at`; past_due: a payment was declined and is tried again.",
    )
    started_at: datetime | None = None
    renews_at: datetime | None = Field(default=None, description="Until when it is paid.")
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None
