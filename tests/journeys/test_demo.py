"""The first command a stranger types."""

import os
from pathlib import Path

import pytest

from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow


def test_the_demo_prints_a_personal_feed_and_leaves_nothing_running(tmp_path: Path) -> None:
    platform = Platform(tmp_path / "a home with spaces")

    printed = platform.segue(
        "demo", "--exit", "--listeners", "60", "--songs", "200", "--days", "14", "--port", "0"
    )

    assert "really likes" in printed
    assert "als/" in printed
    assert "Because" in printed
    assert "listeners asked for their feed and played" in printed
    assert platform.segue("status", status=1).startswith("Segue is not running")
    assert not _processes_of(platform.home)


def _processes_of(home: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[1-9]*"):
        try:
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(home) in environment and process.name != str(os.getpid()):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
