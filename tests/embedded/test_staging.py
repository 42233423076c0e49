"""The folder under /var/tmp: whole copies, and nothing that somebody else has made."""

import os
import stat
from pathlib import Path

import pytest

from embedded.accounts import reaches
from embedded.child import Account, EngineFailed
from embedded.staging import copied, copy_name, files_below, own_folder

SOMEBODY = Account("somebody", 54_321, 54_321)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    tmp_path.chmod(0o1777)
    return tmp_path


def test_our_folder_can_be_walked_through_but_not_listed_by_others(base: Path) -> None:
    folder = own_folder(base)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o711
    assert own_folder(base) == folder


@pytest.mark.parametrize("trap", ["link", "writable", "file", "foreign"])
def test_a_folder_that_somebody_else_prepared_is_refused(base: Path, trap: str) -> None:
    folder = base / f"segue-{os.geteuid()}"
    if trap == "link":
        (base / "bait").mkdir(mode=0o711)
        folder.symlink_to(base / "bait")
    elif trap == "file":
        folder.touch()
    else:
        folder.mkdir()
        folder.chmod(0o733 if trap == "writable" else 0o711)
    if trap == "foreign":
        if os.geteuid() != 0:
            pytest.skip("only root can make a folder that belongs to somebody else")
        os.chown(folder, SOMEBODY.uid, SOMEBODY.gid)

    with pytest.raises(EngineFailed, match=r"remove it$"):
        own_folder(base)


def test_a_base_where_anybody_may_rename_is_refused(base: Path) -> None:
    base.chmod(0o777)

    with pytest.raises(EngineFailed, match="sticky"):
        own_folder(base)


def test_a_copy_is_made_once_and_repaired_when_something_is_missing(base: Path) -> None:
    source = base / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "run").write_text("#!/bin/sh\n")
    (source / "bin" / "run").chmod(0o700)
    files = files_below(source, ["bin"])
    target = base / copy_name(source, files)

    copied(source, files, target)
    made = target.stat().st_ino
    copied(source, files, target)
    kept = target.stat().st_ino
    (target / "bin" / "run").unlink()
    copied(source, files, target)

    assert kept == made
    assert stat.S_IMODE((target / "bin" / "run").stat().st_mode) & 0o777 == 0o755
    assert sorted(path.name for path in base.iterdir()) == sorted(["source", target.name])


def test_reach_ends_at_a_folder_that_is_closed(base: Path) -> None:
    closed, open_to_all = base / "closed", base / "open"
    for folder, mode in ((closed, 0o700), (open_to_all, 0o755)):
        (folder / "below").mkdir(parents=True)
        folder.chmod(mode)
        (folder / "below").chmod(0o755)
    everybody = Path("/usr/bin/env")

    assert not reaches(SOMEBODY, closed / "below")
    assert reaches(None, closed / "below")
    assert reaches(SOMEBODY, everybody)
