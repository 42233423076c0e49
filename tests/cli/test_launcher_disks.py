"""The launcher on a disk that is full, read-only or mounted noexec: real file systems, in a namespace of their own."""

import subprocess
from pathlib import Path

import pytest

from tests.cli.launching import Place

MOUNTED = """\
set -e
mount -t tmpfs -o size={size},mode=0755 tmpfs {disk}
cp -r {root}/. {disk}
mount -o remount,{options} {disk}
cd /
exec sh {disk}/segue demo
"""


def may_mount() -> bool:
    asked = ["unshare", "--mount", "--map-root-user", "true"]
    try:
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not may_mount(), reason="this machine lets nobody mount a file system of their own"),
]


def refusal_on_a_disk(place: Place, folder: Path, *, size: str, options: str) -> str:
    disk = folder / "disk"
    disk.mkdir()
    script = MOUNTED.format(size=size, disk=disk, root=str(place.root).replace(" ", "\\ "), options=options)
    ended = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip().splitlines()[-1]


def test_a_disk_that_fills_up_meanwhile(place: Place, tmp_path: Path) -> None:
    line = refusal_on_a_disk(place, tmp_path, size="4m", options="rw")

    assert line.startswith(f"segue: the disk is full: make room in {tmp_path}/disk and start again")


def test_a_disk_that_is_read_only(place: Place, tmp_path: Path) -> None:
    line = refusal_on_a_disk(place, tmp_path, size="64m", options="ro")

    assert "cannot be written to" in line


def test_a_disk_from_which_programs_may_not_run(place: Place, tmp_path: Path) -> None:
    line = refusal_on_a_disk(place, tmp_path, size="64m", options="noexec")

    assert "programs may not run from" in line
    assert "noexec" in line
