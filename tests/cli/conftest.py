"""Throw-away copies of Segue."""

from pathlib import Path

import pytest

from tests.cli.launching import Place, place_in, place_like


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """One that was never started."""
    return place_in(tmp_path / "world")


@pytest.fixture(scope="session")
def with_pip(tmp_path_factory: pytest.TempPathFactory) -> Place:
    there = place_in(tmp_path_factory.mktemp("with_pip") / "world")
    hymn = (there.root / "requirements.lock").read_text()
    there.lock()
    ended = there.run("install")
    assert ended.returncode == 0, ended.stderr
    (there.root / ".venv" / "installed.lock").unlink()
    (there.root / "requirements.lock").write_text(hymn)
    return there


@pytest.fixture
def begun(with_pip: Place, tmp_path: Path) -> Place:
    """One that was started and stopped: its pip is there, nothing else."""
    return place_like(with_pip, tmp_path / "world")


@pytest.fixture(scope="session")
def installed(with_pip: Place, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One whose core is there; tests leave it as it is."""
    there = place_like(with_pip, tmp_path_factory.mktemp("installed") / "world")
    ended = there.run("install")
    assert ended.returncode == 0, ended.stderr
    return there
