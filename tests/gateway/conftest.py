"""The gateway as it is: in this process over real engines, or as processes behind a port of their own."""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from psycopg import sql

from catalog_api.migrate import migrate
from embedded.ports import free_port
from foundation.clock import utc_now
from foundation.engines import postgres
from foundation.engines.redis import open_redis
from foundation.ids import UserId
from foundation.security import TokenMaker
from foundation.settings import REPOSITORY, Settings
from gateway.app import create_app
from tests.catalog_api.world import settle, town
from tests.conftest import Engines
from tests.serving.conftest import own_redis

__all__ = ["own_redis"]

SECRET = "a secret of at least thirty-two bytes"
TOKENS = TokenMaker(SECRET, "segue", "segue-api", timedelta(hours=1))
READY_WITHIN = 60  # seconds


@pytest.fixture(scope="session")
def town_catalog(engines: Engines) -> Iterator[str]:
    """A catalog with the songs and listeners of the town."""
    name = sql.Identifier(f"gateway_{secrets.token_hex(4)}")
    with postgres.connection(engines.postgres) as db:
        db.execute(sql.SQL("CREATE DATABASE {}").format(name))
    url = engines.postgres.rsplit("/", 1)[0] + "/" + name.as_string().strip('"')
    migrate(url)
    settle(url, town())
    yield url
    with postgres.connection(engines.postgres) as db:
        db.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def urls(engines: Engines, town_catalog: str) -> dict[str, str]:
    """Every engine by its URL; a test may put another in its place. No test pays for what another has spent."""
    with open_redis(engines.redis) as redis:
        if spent := list(redis.scan_iter("limit:*")):
            redis.delete(*spent)
    return {
        "postgres": town_catalog,
        "redis": engines.redis,
        "clickhouse": engines.clickhouse,
        "clickhouse_reader": engines.clickhouse_reader,
    }


def token_of(listener: int, subscription: str = "free") -> dict[str, str]:
    token = TOKENS.issue(UserId(listener), roles=["user"], now=utc_now(), subscription=subscription)
    return {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def gateway_in(
    home: Path, urls: Mapping[str, str], **groups: Mapping[str, object]
) -> AsyncIterator[tuple[FastAPI, httpx.AsyncClient]]:
    """The whole application in this process, and a client who is nobody."""
    app = create_app(Settings(SEGUE_HOME=home, engines=dict(urls), tokens={"secret": SECRET}, **groups))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://segue") as client,
    ):
        yield app, client


@dataclass
class Gateway:
    """`python -m gateway` with its workers."""

    home: Path
    port: int
    process: "subprocess.Popen[str]"
    environment: dict[str, str] = field(repr=False)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def workers(self) -> list[int]:
        """The process ids of the workers that run."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return sorted(map(int, children.split()))

    def client(self, listener: int) -> httpx.Client:
        """One who speaks as this listener, over a new connection each time, so that all workers take some."""
        alone = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self.address, headers=token_of(listener), timeout=20, limits=alone)

    @property
    def log(self) -> list[dict[str, str]]:
        """What its processes have said so far, where it is one of their JSON lines."""
        lines = (self.home / "gateway.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def come_up(self) -> int:
        """How many workers have come up on this home so far, whoever started them."""
        return [line["message"] for line in self.log].count("Application startup complete.")

    def wait_until_ready(self, come_up: int) -> None:
        """Return when so many workers have come up since the beginning."""
        give_up = time.monotonic() + READY_WITHIN
        while self.come_up() < come_up:
            assert self.process.poll() is None, "the gateway ended"
            assert time.monotonic() < give_up, "the gateway did not become ready"
            time.sleep(0.05)


StartGateway = Callable[..., Gateway]


@pytest.fixture
def start_gateway(tmp_path: Path, urls: dict[str, str]) -> Iterator[StartGateway]:
    """Starts a gateway with its own home and settings; all are ended with the test."""
    started: list[Gateway] = []

    def start(workers: int = 2, **settings: str) -> Gateway:
        named = {f"SEGUE__ENGINES__{name.upper()}": url for name, url in urls.items()}
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEGUE")},
            **named,
            "SEGUE_HOME": str(tmp_path),
            "SEGUE__TOKENS__SECRET": SECRET,
            "SEGUE__LIMITS__FREE": "1000000",  # one listener asks as a crowd would
            "SEGUE__LIMITS__ADDRESS": "1000000",
            "SEGUE__LIMITS__PLAYS": "1000000",
            "PYTHONPATH": str(REPOSITORY),
            **settings,
        }
        port = free_port(20_000 + os.getpid() % 20_000)
        words = ["-m", "gateway", "--port", str(port), "--workers", str(workers)]
        with (tmp_path / "gateway.log").open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, *words], cwd=REPOSITORY, env=environment, stderr=output, text=True
            )
        gateway = Gateway(tmp_path, port, process, environment)
        started.append(gateway)
        come_up = gateway.come_up()
        gateway.wait_until_ready(come_up + workers)
        return gateway

    yield start
    for gateway in started:
        if gateway.process.poll() is None:
            gateway.process.terminate()
            gateway.process.wait(30)
