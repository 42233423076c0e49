"""A real gateway process over real engines, with something in every store; an engine can be taken away."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from numpy import eye

from embedded.ports import free_port
from foundation.engines import postgres
from foundation.engines.blobs import open_blobs
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.port import Points
from foundation.settings import REPOSITORY
from models.bundle import save
from tests.authorisation import catalogs
from tests.conftest import OF_ENGINE, Engines
from tests.gateway.conftest import SECRET
from tests.serving.conftest import make_bundle

READY_WITHIN = 120  # seconds
SONG_OF_THE_MODEL = 1001  # the first of those that the published model knows
FREELY = {  # nobody is limited here, and nobody tires of wrong passwords
    "SEGUE__LIMITS__ENABLED": "false",
    "SEGUE__ACCOUNTS__FAILURES": "1000000000",
}


@dataclass(frozen=True)
class Platform:
    """What the fuzzing talks to."""

    address: str
    catalog: str  # the URL of its Postgres
    log: Path  # what the gateway said
    process: "subprocess.Popen[bytes]"


@contextmanager
def running(home: Path, engines: catalogs.Engines) -> Iterator[Platform]:
    """A gateway of one worker, with a catalog of its own."""
    with catalogs.own_catalog(engines) as urls:
        publish(home)
        with postgres.connection(urls["postgres"]) as db:
            db.execute(f"ALTER TABLE songs ALTER COLUMN id RESTART WITH {SONG_OF_THE_MODEL}".encode())
        named = {f"SEGUE__ENGINES__{name.upper()}": url for name, url in urls.items()}
        port = free_port(20_000 + os.getpid() % 20_000)
        others = {name: value for name, value in os.environ.items() if not name.startswith("SEGUE")}
        environment = {
            **others,
            **named,
            **FREELY,
            "SEGUE_HOME": str(home),
            "SEGUE__TOKENS__SECRET": SECRET,
            "PYTHONPATH": str(REPOSITORY),
        }
        words = [sys.executable, "-m", "gateway", "--port", str(port), "--workers", "1"]
        log = home / "gateway.log"
        with log.open("ab") as output:
            process = subprocess.Popen(words, cwd=REPOSITORY, env=environment, stderr=output)
        platform = Platform(f"http://127.0.0.1:{port}", urls["postgres"], log, process)
        try:
            _wait(platform)
            yield platform
        finally:
            process.terminate()
            process.wait(30)


def _wait(platform: Platform) -> None:
    give_up = time.monotonic() + READY_WITHIN
    while True:
        assert platform.process.poll() is None, platform.log.read_text()
        assert time.monotonic() < give_up, "the gateway did not become ready"
        try:
            if httpx.get(f"{platform.address}/health/ready", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)


def publish(home: Path) -> None:
    """A model of two listeners and two songs, which serving answers from; the catalog's first songs have their ids."""
    home.mkdir(parents=True, exist_ok=True)
    bundle = make_bundle(eye(2), eye(2), eye(2), version="v1")
    save(bundle, open_blobs(f"file://{home}/blobs"))
    vectors = open_vectors(f"edge://{home}/vectors")
    vectors.publish("songs", bundle.version, Points(bundle.song_ids, {"als": bundle.song_factors}))
    vectors.flip("songs", bundle.version)


class Removable:
    """Engines of which one can be stopped while the others go on."""

    def __init__(self, home: Path, removable: str | None) -> None:
        self._kept, self._removable = Engines(home / "kept"), Engines(home / "removable")
        self._names = OF_ENGINE[removable] if removable is not None else ()

    def _of(self, name: str) -> Engines:
        return self._removable if name in self._names else self._kept

    @property
    def postgres(self) -> str:
        return self._of("postgres").postgres

    @property
    def redis(self) -> str:
        return self._of("redis").redis

    @property
    def clickhouse(self) -> str:
        return self._of("clickhouse").clickhouse

    @property
    def clickhouse_reader(self) -> str:
        return self._of("clickhouse").clickhouse_reader

    def remove(self, platform: Platform) -> None:
        """Stop it; return once the gateway says that it is away."""
        self._removable.stop()
        give_up = time.monotonic() + READY_WITHIN
        while httpx.get(f"{platform.address}/health", timeout=10).status_code == 200:
            assert time.monotonic() < give_up, "the gateway does not miss it"
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop all."""
        self._kept.stop()
        self._removable.stop()
