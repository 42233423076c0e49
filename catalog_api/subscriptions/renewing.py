"""Renews and ends subscriptions when they are due, and removes what sign-ins leave behind, in a thread of its own."""

import asyncio
import logging
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from catalog_api.auth.tidying import tidy
from catalog_api.revocations.service import Revoking
from catalog_api.subscriptions import repository
from catalog_api.subscriptions.payments import Payments
from catalog_api.subscriptions.service import Outcome, Subscribing
from foundation.clock import Clock, utc_now
from foundation.engines.postgres import Postgres, open_postgres
from foundation.http.revocations import Revocations

log = logging.getLogger(__name__)


async def renew_due(
    postgres: Postgres, payments: Payments, now: Clock, token_lifetime: timedelta
) -> Counter[Outcome]:
    """Look after every subscription that is due, each in a transaction of its own; gives what became of how many.

    Two who do it at once share the work. One that fails is left for the next time, and stops no other.
    """
    outcomes: Counter[Outcome] = Counter()
    failed: set[int] = set()
    until = now()
    while True:
        subscription_id = 0
        try:
            async with postgres.writing() as db:
                subscription = await repository.next_due(db, until, failed)
                if subscription is None:
                    return outcomes
                subscription_id = subscription.id
                revoking = Revoking(db, Revocations(), now, token_lifetime)
                outcome = await Subscribing(db, payments, revoking, now).look_after(subscription)
        except Exception:
            if not subscription_id:
                raise
            log.exception("the subscription %d is left for later", subscription_id)
            failed.add(subscription_id)
            continue
        outcomes[outcome] += 1


@dataclass(frozen=True, slots=True)
class Renewing:
    """Does both again and again; waits while Postgres is away. More than one may run."""

    postgres: str  # a URL
    payments: Payments
    token_lifetime: timedelta
    refresh_lifetime: timedelta
    pause: timedelta = timedelta(minutes=1)
    now: Clock = utc_now

    def run(self, stop: threading.Event) -> None:
        """Look after what is due until `stop` is set."""
        is_failing = False
        while not stop.is_set():
            try:
                asyncio.run(self._once())
                if is_failing:
                    is_failing = False
                    log.info("subscriptions are renewed again")
            except Exception as error:  # noqa: BLE001 - nothing else would ever renew them
                if not is_failing:
                    is_failing = True
                    log.warning("subscriptions wait: %s", str(error).split("\n", maxsplit=1)[0])
            stop.wait(self.pause.total_seconds())

    async def _once(self) -> None:
        postgres = open_postgres(self.postgres, connections=1)
        try:
            renewed = await renew_due(postgres, self.payments, self.now, self.token_lifetime)
            removed = await tidy(postgres, self.now(), self.refresh_lifetime)
        finally:
            await postgres.close()
        if renewed or +removed:
            log.info("subscriptions: %s; removed: %s", dict(renewed), dict(+removed))
