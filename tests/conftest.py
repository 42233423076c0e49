"""Engines for the tests, each of which starts when a test first asks for it, and the real data beside the repository."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from embedded.state import write_privately
from foundation.engines.redis import Redis, open_redis

REPOSITORY = Path(__file__).resolve().parent.parent
DATA = REPOSITORY.parent / "shared" / "data"
OF_ENGINE = {
    "postgres": ("postgres",),
    "redis": ("redis",),
    "clickhouse": ("clickhouse", "clickhouse_reader"),
}


class Engines:
    """URLs of real engines, under one temporary home."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._urls: dict[str, str] = {}
        self._supervisors: list[subprocess.Popen[str]] = []

    @property
    def home(self) -> Path:
        """A home on which every engine runs, as `run/engines.json` says there."""
        for engine in OF_ENGINE:
            self._started(engine)
        (self._home / "run").mkdir(mode=0o700, exist_ok=True)
        write_privately(self._home / "run" / "engines.json", {"supervisor_pid": os.getpid(), **self._urls})
        return self._home

    @property
    def postgres(self) -> str:
        return self._started("postgres")["postgres"]

    @property
    def redis(self) -> str:
        return self._started("redis")["redis"]

    @property
    def clickhouse(self) -> str:
        return self._started("clickhouse")["clickhouse"]

    @property
    def clickhouse_reader(self) -> str:
        return self._started("clickhouse")["clickhouse_reader"]

    def stop(self) -> None:
        for supervisor in self._supervisors:
            supervisor.communicate()  # closes its input, which ends it

    def _started(self, engine: str) -> dict[str, str]:
        """Each engine has a supervisor of its own, so that a test of Redis does not wait for the others.

        The supervisor ends with its input: also when this process is killed.
        """
        if OF_ENGINE[engine][0] not in self._urls:
            home = self._home / "engines" / engine
            supervisor = subprocess.Popen(
                [sys.executable, "-m", "embedded", "--home", home, "--until-input-ends", engine],
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            self._supervisors.append(supervisor)
            said = read_until_ready(supervisor)
            if said[-1:] != ["ready"]:
                pytest.exit(f"{engine} did not start: {' / '.join(said)}", returncode=3)
            written = json.loads((home / "run" / "engines.json").read_text())
            self._urls |= {name: written[name] for name in OF_ENGINE[engine]}
        return self._urls


def redis_database(engines: Engines, number: int) -> str:
    """The address of one of the databases of Redis beside the usual one."""
    return urlsplit(engines.redis)._replace(path=f"/{number}").geturl()


@contextmanager
def own_redis(engines: Engines, number: int) -> Iterator[Redis]:
    """Such a database for one test: empty when it comes, and emptied when it goes."""
    with open_redis(redis_database(engines, number)) as client:
        client.flushdb()
        yield client
        client.flushdb()


def read_until_ready(supervisor: "subprocess.Popen[str]") -> list[str]:
    """What it says, up to and with `ready`, or all of it when it ends before."""
    said: list[str] = []
    assert supervisor.stdout
    for line in supervisor.stdout:
        said.append(line.strip())
        if said[-1] == "ready":
            break
    return said


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    running = Engines(tmp_path_factory.mktemp("home"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data sets; a test that wants it is skipped where it is absent, but never in CI."""
    if not DATA.is_dir():
        reason = f"the real data sets are not at {DATA}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return DATA
