"""What the door costs a request, part by part, beside the application it stands before: `python -m bench.door`."""

import argparse
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.table import Table

from foundation.clock import utc_now
from foundation.engines.redis import open_redis_async
from foundation.http.door import Door, Doorkeeper
from foundation.http.identity import Identities
from foundation.http.rate_limit import RateLimits
from foundation.ids import UserId
from foundation.security import TokenMaker
from foundation.settings import Http, Limits
from gateway.policies import policies

TOKENS = TokenMaker("a secret of at least thirty-two bytes", "segue", "segue-api", timedelta(hours=1))
NOWHERE = "redis://127.0.0.1:9"  # leases are local: what is measured is the work of this process
BATCH = 5000
Application = Callable[..., Awaitable[None]]


async def trivial(scope: Any, receive: Any, send: Any) -> None:
    """The least that an application can answer."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def receive() -> MutableMapping[str, Any]:
    return {"type": "http.request", "body": b""}


async def send(message: MutableMapping[str, Any]) -> None:
    pass


def doors() -> dict[str, Application]:
    """The application bare, and behind doors that do more and more."""
    named, knowing, limiting = (Doorkeeper(Http()) for _ in range(3))
    knowing.identities = limiting.identities = Identities(TOKENS)
    limiting.limits = RateLimits(open_redis_async(NOWHERE), workers=1)
    limiting.policy_of = policies(Limits(free=10**9))
    return {
        "no door": trivial,
        "names, headers, counts, times": Door(trivial, named),
        "… and knows the token": Door(trivial, knowing),
        "… and limits": Door(trivial, limiting),
    }


async def cost(application: Application, token: str) -> float:
    """CPU microseconds of one request."""
    headers = [
        (b"host", b"127.0.0.1:8000"),
        (b"user-agent", b"python-httpx/0.28"),
        (b"accept", b"*/*"),
        (b"accept-encoding", b"gzip, deflate"),
        (b"authorization", b"Bearer " + token.encode()),
    ]
    began_at = time.process_time()
    for _ in range(BATCH):
        scope = {"type": "http", "method": "GET", "path": "/api/v1/songs/1", "headers": headers}
        await application(scope, receive, send)
    return (time.process_time() - began_at) / BATCH * 1e6


async def measured(rounds: int) -> dict[str, float]:
    """The least of several rounds, in which all take turns: what else the machine does only adds."""
    token = TOKENS.issue(UserId(1), roles=["user"], now=utc_now())
    least: dict[str, float] = {}
    applications = doors()
    for _ in range(rounds):
        for name, application in applications.items():
            least[name] = min(least.get(name, float("inf")), await cost(application, token))
    began_at = time.process_time()
    for _ in range(1000):
        TOKENS.check(token)
    return least | {"(a token checked anew)": (time.process_time() - began_at) / 1000 * 1e6}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=7)
    given = arguments.parse_args()
    logging.getLogger("foundation").setLevel(logging.ERROR)
    table = Table("what", "CPU µs a request")
    for name, microseconds in asyncio.run(measured(given.rounds)).items():
        table.add_row(name, f"{microseconds:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
