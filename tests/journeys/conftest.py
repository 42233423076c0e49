"""One running platform with a small world in it, for all journeys of a test run."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from foundation import settings as foundation_settings
from foundation.settings import REPOSITORY, Settings

SMALL_WORLD = ("--listeners", "120", "--songs", "400", "--days", "30")


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform on a home of its own, spoken to by its command and by HTTP."""

    home: Path

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "SEGUE_HOME": str(self.home),
            "PYTHONPATH": str(REPOSITORY),
            "SEGUE__LIMITS__ENABLED": "false",  # a few listeners do in a minute what no person does
        }

    def segue(self, *words: str, status: int = 0) -> str:
        """What the command prints on stdout; it must end with `status`."""
        ended = subprocess.run(
            [sys.executable, "-m", "cli", *words],
            cwd=REPOSITORY,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == status, f"segue {' '.join(words)}: {ended.stdout}{ended.stderr}"
        return ended.stdout if status == 0 else ended.stdout + ended.stderr

    @property
    def settings(self) -> Settings:
        return foundation_settings.connected(Settings(SEGUE_HOME=self.home))

    def client(self, listener: int | str, *roles: str) -> httpx.Client:
        """A client who speaks as this listener."""
        words = [word for role in roles for word in ("--role", role)]
        token = self.segue("token", str(listener), *words).strip()
        address = foundation_settings.running_engines(self.settings)["api"]
        return httpx.Client(
            base_url=f"{address}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("platform"))
    try:
        platform.segue("up", "--detach", "--port", "0")
        platform.segue("demo", *SMALL_WORLD)
        yield platform
    finally:
        platform.segue("down")
