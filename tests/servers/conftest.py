"""The servers and a platform that uses them, for all tests of this folder."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pytest

from foundation import settings as foundation_settings
from foundation.settings import REPOSITORY, Engines, Settings
from tests.journeys.conftest import SMALL_WORLD, Platform
from tests.servers.servers import Servers, missing, running


@dataclass(frozen=True, slots=True)
class OnServers(Platform):
    """A platform that is told of its servers as an operator tells it: by the environment alone."""

    servers: Servers = field(kw_only=True)

    @property
    def environment(self) -> Mapping[str, str]:
        name, secret = self.servers.keys
        return {
            **os.environ,
            "SEGUE_HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "SEGUE__LIMITS__ENABLED": "false",
            "SEGUE__ENGINES__POSTGRES": self.servers.postgres,
            "SEGUE__ENGINES__REDIS": self.servers.redis,
            "SEGUE__ENGINES__BLOBS": self.servers.blobs,
            "AWS_ACCESS_KEY_ID": name,
            "AWS_SECRET_ACCESS_KEY": secret,
        }

    @property
    def settings(self) -> Settings:
        told = self.servers
        engines = Engines(postgres=told.postgres, redis=told.redis, blobs=told.blobs)
        return foundation_settings.connected(Settings(SEGUE_HOME=self.home, engines=engines))


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    if absent := missing():
        reason = f"{', '.join(absent)} not installed here: apt-get install postgresql redis-server"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with running() as started:
        yield started


@pytest.fixture(scope="session")
def platform(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OnServers]:
    platform = OnServers(tmp_path_factory.mktemp("on_servers"), servers=servers)
    try:
        platform.segue("up", "--detach", "--port", "0")
        platform.segue("demo", *SMALL_WORLD)
        yield platform
    finally:
        platform.segue("down")


def suite(path: str, **variables: str) -> str:
    """Runs tests of another folder with more in their environment; what pytest said in the end."""
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", path],
        cwd=REPOSITORY,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout
