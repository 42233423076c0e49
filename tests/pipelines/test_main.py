"""The jobs as a scheduler starts them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow


def pipelines(*arguments: str, home: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "pipelines", *arguments],
        cwd=REPOSITORY,
        env={"SEGUE_HOME": str(home), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_engines_it_says_how_to_start_them(tmp_path: Path):
    ran = pipelines("interactions", home=tmp_path)

    assert ran.returncode == 1
    assert ran.stderr.splitlines() == ["Segue is not running: start it with ./segue up"]


def test_an_unknown_job_is_refused_with_the_list(tmp_path: Path):
    ran = pipelines("sessions", home=tmp_path)

    assert ran.returncode == 2
    assert "interactions" in ran.stderr
