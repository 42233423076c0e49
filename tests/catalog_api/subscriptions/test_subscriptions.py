"""Subscriptions: begun, renewed, declined, cancelled and expired; the tier follows, and the tokens with it."""

import asyncio
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from catalog_api.subscriptions.payments import Charge, LocalPayments, NoPayments, payments_of
from catalog_api.subscriptions.renewing import Renewing, renew_due
from foundation.engines.postgres import Postgres
from foundation.errors import Unreachable
from foundation.settings import Settings
from tests.catalog_api.api import Api, people
from tests.catalog_api.auth.people import bearing, refreshed, signed_in, signed_up
from tests.foundation.clocks import Moving

pytestmark = pytest.mark.anyio

MONTHLY = {"plan": "premium-monthly", "payment_method": "local:ok"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BEGUN = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Provider(LocalPayments):
    """Keeps the charges it was asked for, and may be away or refuse."""

    def __init__(self) -> None:
        self.charges: list[Charge] = []
        self.is_away, self.is_slow = False, False

    async def charge(self, charge: Charge) -> str:
        if self.is_away:
            raise Unreachable("the provider does not answer")
        if self.is_slow:
            await asyncio.sleep(0.05)
        self.charges.append(charge)
        return await super().charge(charge)


def subscribed(
    api_or_url: str, *, users: int = 1, status: str = "active", method: str = "local:ok"
) -> list[int]:
    """Premium listeners whose month ends on the last day of February."""
    from foundation.engines import postgres

    ids = people(api_or_url, *(f"listener{number}" for number in range(users)))
    with postgres.connection(api_or_url) as db:
        db.execute("UPDATE users SET subscription_type = 'premium'")
        db.execute(
            "INSERT INTO subscriptions (user_id, plan, status, started_at, renews_at, due_at, payment_method) "
            "SELECT id, 'premium-monthly', %s, %s, %s, %s, %s FROM users",
            (
                status,
                BEGUN,
                datetime(2026, 2, 28, 12, tzinfo=UTC),
                datetime(2026, 2, 28, 12, tzinfo=UTC),
                method,
            ),
        )
    return ids


def state(url: str) -> tuple[str, str, datetime, str]:
    """Status, tier, paid until, and whether it has ended."""
    from foundation.engines import postgres

    with postgres.connection(url) as db:
        row = db.execute(
            "SELECT status, subscription_type, renews_at, CASE WHEN ended_at IS NULL THEN 'open' ELSE 'ended' END "
            "FROM subscriptions JOIN users ON users.id = user_id"
        ).fetchone()
    assert row
    return row[0], row[1], row[2].astimezone(UTC), row[3]


async def test_the_plans_tell_what_they_cost(api: Api) -> None:
    answer = await api.as_().get("/subscription-plans")

    told = {plan["plan"]: plan["price_cents"] for plan in answer.json()["results"]}
    assert told == {"free": 0, "premium-monthly": 999, "premium-yearly": 9990}


async def test_who_never_subscribed_is_free(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).get("/me/subscription")

    assert answer.json() == {
        "subscription_type": "free", "plan": None, "status": None, "started_at": None, "renews_at": None,
        "cancelled_at": None, "ended_at": None,
    }  # fmt: skip


async def test_a_subscription_makes_premium_and_the_next_token_says_so(api: Api) -> None:
    await signed_up(api)
    tokens = await signed_in(api)

    answer = await bearing(api, tokens).post("/me/subscription", json=MONTHLY)

    told = answer.json()
    assert (answer.status_code, told["subscription_type"], told["status"]) == (201, "premium", "active")
    assert (
        timedelta(days=28)
        <= datetime.fromisoformat(told["renews_at"]) - datetime.fromisoformat(told["started_at"])
        <= timedelta(days=31)
    )
    assert (await bearing(api, tokens).get("/me")).status_code == 401
    renewed = (await refreshed(api, tokens["refresh_token"])).json()
    assert renewed["user"]["subscription_type"] == "premium"
    assert (await bearing(api, renewed).get("/me")).json()["subscription_type"] == "premium"


@pytest.mark.parametrize("method", ["local:declined", "4111111111111111"])
async def test_a_declined_payment_begins_nothing(api: Api, method: str) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).post("/me/subscription", json=MONTHLY | {"payment_method": method})

    assert (answer.status_code, answer.json()["code"]) == (402, "payment-declined")
    assert api.sql("SELECT count(*) FROM subscriptions") == [(0,)]
    assert (await api.as_(ann).get("/me")).json()["subscription_type"] == "free"


@pytest.mark.parametrize(
    "wrong",
    [
        {"plan": "free"},
        {"plan": "gold"},
        {"payment_method": ""},
        {"payment_method": "a\x00"},
        {"price_cents": 1},
    ],
)
async def test_what_is_no_order_is_refused(api: Api, wrong: dict[str, object]) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).post("/me/subscription", json=MONTHLY | wrong)

    assert answer.status_code == 422


async def test_who_is_nobody_cannot_subscribe(api: Api) -> None:
    answer = await api.as_(99).post("/me/subscription", json=MONTHLY)

    assert (answer.status_code, answer.json()["code"]) == (404, "listener-not-found")


async def test_of_ten_orders_at_once_one_is_taken(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")
    client = api.as_(ann)

    answers = await asyncio.gather(*(client.post("/me/subscription", json=MONTHLY) for _ in range(6)))

    statuses = Counter(answer.status_code for answer in answers)
    assert statuses[201] == 1
    assert set(statuses) <= {201, 401, 409}  # the first ends the tokens of the others
    assert api.sql("SELECT count(*) FROM subscriptions") == [(1,)]


async def test_an_order_sent_again_with_its_key_is_one_order(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")
    headers = {"Idempotency-Key": "order-1"}

    first = await api.as_(ann).post("/me/subscription", json=MONTHLY, headers=headers)
    await asyncio.sleep(0.01)
    again = await api.as_(ann).post("/me/subscription", json=MONTHLY, headers=headers)
    other = await api.as_(ann).post("/me/subscription", json=MONTHLY)

    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 409)
    assert first.json() == again.json()
    assert api.sql("SELECT payment_reference FROM subscriptions") == [(f"local-start:{ann}:order-1",)]


async def test_what_is_cancelled_stays_until_it_is_used_up_and_may_go_on(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")
    await api.as_(ann).post("/me/subscription", json=MONTHLY)
    await asyncio.sleep(0.01)
    client = api.as_(ann)

    cancelled, again = await client.delete("/me/subscription"), await client.delete("/me/subscription")
    resumed = await client.post(
        "/me/subscription", json={"plan": "premium-yearly", "payment_method": "local:ok"}
    )

    assert (cancelled.json()["status"], cancelled.json()["subscription_type"]) == ("cancelled", "premium")
    assert (again.status_code, again.json()) == (200, cancelled.json())
    assert (resumed.status_code, resumed.json()["status"]) == (201, "active")
    assert resumed.json()["plan"] == "premium-yearly"
    assert resumed.json()["renews_at"] == cancelled.json()["renews_at"]
    assert (await client.get("/me")).status_code == 200  # the tier is the same: its tokens hold


async def test_what_was_never_begun_cannot_be_cancelled(api: Api) -> None:
    (ann,) = people(api.catalog, "ann")

    answer = await api.as_(ann).delete("/me/subscription")

    assert (answer.status_code, answer.json()["code"]) == (404, "not-subscribed")


async def test_a_renewal_takes_the_money_once_and_keeps_the_day(catalog: str, pool: Postgres) -> None:
    subscribed(catalog)
    provider, clock = Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC))

    first = await renew_due(pool, provider, clock, HOUR)
    again = await renew_due(pool, provider, clock, HOUR)

    assert (dict(first), dict(again)) == ({"renewed": 1}, {})
    assert state(catalog) == ("active", "premium", datetime(2026, 3, 31, 12, tzinfo=UTC), "open")
    assert [charge.cents for charge in provider.charges] == [999]


async def test_nothing_is_due_before_its_time(catalog: str, pool: Postgres) -> None:
    subscribed(catalog)

    outcomes = await renew_due(pool, Provider(), Moving(datetime(2026, 2, 28, 11, 59, tzinfo=UTC)), HOUR)

    assert dict(outcomes) == {}


async def test_after_months_in_which_nobody_looked_one_period_is_paid(catalog: str, pool: Postgres) -> None:
    subscribed(catalog)
    provider = Provider()

    await renew_due(pool, provider, Moving(datetime(2026, 7, 1, tzinfo=UTC)), HOUR)

    assert state(catalog)[2] == datetime(2026, 7, 31, 12, tzinfo=UTC)
    assert len(provider.charges) == 1


async def test_two_shippers_share_the_renewals(catalog: str, pool: Postgres) -> None:
    subscribed(catalog, users=20)
    provider, clock = Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC))
    provider.is_slow = True

    both = await asyncio.gather(*(renew_due(pool, provider, clock, HOUR) for _ in range(2)))

    assert sum(each["renewed"] for each in both) == 20
    assert all(each["renewed"] for each in both)
    assert len({charge.key for charge in provider.charges}) == len(provider.charges) == 20


async def test_a_declined_renewal_has_a_week_and_then_the_tier_is_free(catalog: str, pool: Postgres) -> None:
    subscribed(catalog, method="local:declined")
    clock = Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC))
    seen = []

    for _ in range(9):
        outcomes = await renew_due(pool, Provider(), clock, HOUR)
        seen.append((next(iter(outcomes), ""), *state(catalog)[:2]))
        clock.push(DAY)

    assert seen[:7] == [("declined", "past_due", "premium")] * 7
    assert seen[7:] == [("expired", "expired", "free"), ("", "expired", "free")]


async def test_the_tokens_that_say_premium_end_with_it(api: Api, pool: Postgres) -> None:
    (ann,) = subscribed(api.catalog, status="cancelled")
    client = api.as_(ann, subscription="premium")
    before = await client.get("/me")
    api.clock.push(BEGUN - api.clock())

    outcomes = await renew_due(pool, Provider(), Moving(datetime(2027, 1, 1, tzinfo=UTC)), HOUR)
    await asyncio.sleep(0.2)

    assert dict(outcomes) == {"expired": 1}
    assert (before.status_code, (await client.get("/me")).status_code) == (200, 401)
    assert state(api.catalog)[:2] == ("expired", "free")


async def test_who_is_past_due_may_pay_with_something_else(api: Api, pool: Postgres) -> None:
    (ann,) = subscribed(api.catalog, method="local:declined")
    await renew_due(pool, Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC)), HOUR)

    answer = await api.as_(ann).post("/me/subscription", json=MONTHLY)

    assert (answer.status_code, answer.json()["status"]) == (201, "active")
    assert datetime.fromisoformat(answer.json()["renews_at"]) > api.clock()


async def test_who_is_past_due_and_cancels_is_free_at_once(api: Api, pool: Postgres) -> None:
    (ann,) = subscribed(api.catalog, method="local:declined")
    await renew_due(pool, Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC)), HOUR)

    answer = await api.as_(ann).delete("/me/subscription")

    assert (answer.json()["status"], answer.json()["subscription_type"]) == ("expired", "free")
    assert state(api.catalog)[1] == "free"


async def test_a_provider_that_is_away_costs_nobody_the_tier(catalog: str, pool: Postgres) -> None:
    subscribed(catalog)
    provider, clock = Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC))
    provider.is_away = True

    away = await renew_due(pool, provider, clock, HOUR)
    provider.is_away = False
    clock.push(timedelta(minutes=10))
    back = await renew_due(pool, provider, clock, HOUR)

    assert (dict(away), dict(back)) == ({"postponed": 1}, {"renewed": 1})


async def test_one_that_cannot_be_renewed_stops_no_other(catalog: str, pool: Postgres) -> None:
    subscribed(catalog, users=3)
    from foundation.engines import postgres

    with postgres.connection(catalog) as db:
        db.execute(
            "UPDATE subscriptions SET plan = 'of-old', due_at = due_at - interval '1 day' WHERE user_id = 1"
        )

    outcomes = await renew_due(pool, Provider(), Moving(datetime(2026, 2, 28, 12, 1, tzinfo=UTC)), HOUR)

    assert dict(outcomes) == {"renewed": 2}


async def test_in_production_nobody_pays_with_the_local_provider(tmp_path: object) -> None:
    assert isinstance(payments_of(Settings(place="production")), NoPayments)
    assert isinstance(payments_of(Settings()), LocalPayments)


async def test_the_thread_renews_and_tidies_until_it_is_told_to_stop(api: Api) -> None:
    await signed_up(api)
    gone, kept = await signed_in(api), await signed_in(api)
    await refreshed(api, kept["refresh_token"])
    api.sql(
        "UPDATE sessions SET expires_at = now() - interval '1 second' WHERE id = (SELECT min(id::text)::uuid FROM sessions)"
    )
    api.sql("UPDATE refresh_tokens SET used_at = now() - interval '31 days' WHERE used_at IS NOT NULL")
    api.sql(
        "INSERT INTO revocations VALUES ('user:7', now() - interval '2 hours', now() - interval '1 hour')"
    )
    api.sql(
        "INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) "
        "VALUES ('s', 'old', '', now() - interval '25 hours'), ('s', 'new', '', now())"
    )
    subscribed(api.catalog, status="cancelled")
    stop = threading.Event()
    renewing = Renewing(
        api.catalog, LocalPayments(), HOUR, timedelta(days=30), pause=timedelta(milliseconds=20)
    )

    thread = threading.Thread(target=renewing.run, args=(stop,))
    thread.start()
    for _ in range(250):
        await asyncio.sleep(0.02)
        left = api.sql("SELECT count(*) FROM idempotency_keys")
        if left == [(1,)] and state(api.catalog)[0] == "expired":
            break
    stop.set()
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert api.sql("SELECT count(*) FROM sessions") == [(1,)]
    assert api.sql("SELECT count(*), count(used_at) FROM refresh_tokens") == [(1, 0)]
    assert api.sql("SELECT key FROM idempotency_keys") == [("new",)]
    assert api.sql("SELECT count(*) FROM revocations WHERE subject = 'user:7'") == [(0,)]
    assert state(api.catalog)[:2] == ("expired", "free")
    assert (await refreshed(api, gone["refresh_token"])).status_code == 401
