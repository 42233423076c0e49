"""Throw-away copies of Segue."""

from pathlib import Path

import pytest

from tests.cli.launching import Place, place_in


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_in(tmp_path)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One whose core is there; tests leave it as it is."""
    there = place_in(tmp_path_factory.mktemp("installed"))
    ended = there.run("install")
    assert ended.returncode == 0, ended.stderr
    return there
