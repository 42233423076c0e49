"""Redis clients from a URL, with timeouts so short that a Redis that is away costs milliseconds."""

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from foundation.errors import Unreachable

__all__ = ["AsyncRedis", "Redis", "open_redis", "open_redis_async", "reachable"]

REQUEST_TIMEOUT = 0.1  # seconds a request may wait for Redis before it is answered without
BATCH_TIMEOUT = 5.0  # seconds a sink or a job may wait: it has time, and its pipelines are long
# The client would read its own version from its package at every new connection, half a millisecond in which nothing else
# happens, and tell it to the server in a round trip: a busy moment, in which many connections are made, would be a longer one.
NAMELESS = None
RETRIES = 1  # a pooled connection may have died with a restarted server: the second try opens a fresh one


def open_redis(url: str) -> Redis:
    """A client for sinks, jobs and the command line; it connects when first used. Close it with `close()`."""
    return Redis.from_url(
        url,
        socket_timeout=BATCH_TIMEOUT,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), RETRIES),
        driver_info=NAMELESS,
    )


def open_redis_async(url: str) -> AsyncRedis:
    """A client for the request path; it connects when first used. Close it with `await aclose()`."""
    return AsyncRedis.from_url(
        url,
        socket_timeout=REQUEST_TIMEOUT,
        socket_connect_timeout=REQUEST_TIMEOUT,
        retry=AsyncRetry(NoBackoff(), RETRIES),
        driver_info=NAMELESS,
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Turns every failure of the client inside the block into Unreachable, so that callers need no vendor's names."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unreachable(f"Redis does not answer: {error}", engine="redis") from error
