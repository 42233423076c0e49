"""A folder under /var/tmp for what needs a short name, or an account that cannot walk here must reach."""

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from embedded.child import EngineFailed

BASE = Path("/var/tmp")


def own_folder(base: Path = BASE) -> Path:
    """`base/segue-UID`, mode 0711, made by us. Raises EngineFailed when somebody else could have made it."""
    folder = base / f"segue-{os.geteuid()}"
    beneath = base.stat()
    if beneath.st_mode & stat.S_IWOTH and not beneath.st_mode & stat.S_ISVTX:
        raise EngineFailed(f"anybody may rename folders in {base}: it lacks the sticky bit")
    try:
        folder.mkdir(mode=0o711)
        folder.chmod(0o711)  # whatever the umask took away
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
            raise EngineFailed(
                f"{folder} was made by somebody else or is writable by others: remove it"
            ) from None
    except OSError as error:
        raise EngineFailed(f"cannot write in {base}: {error.strerror}") from error
    return folder


def short_name(path: Path) -> str:
    """A name for `path` that is short, and differs from that of any other path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def files_below(root: Path, parts: Iterable[str]) -> list[str]:
    """Every file of these parts, relative to `root`, in a fixed order."""
    found: list[str] = []
    for part in parts:
        whole = root / part
        if whole.is_file():
            found.append(part)
        for folder, _, names in os.walk(whole):
            found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def copy_name(root: Path, files: Iterable[str]) -> str:
    """Names a set of files by their names and sizes, so that each version is copied once."""
    listing = "\n".join(f"{name} {(root / name).stat().st_size}" for name in files)
    return hashlib.sha256(listing.encode()).hexdigest()[:16]


def copied(root: Path, files: list[str], target: Path) -> None:
    """Makes `target` a whole copy of these files, readable by everyone, unless it is one already."""
    if target.is_dir():
        if all(_same_size(root / name, target / name) for name in files):
            return
        broken = Path(tempfile.mkdtemp(prefix="broken-", dir=target.parent))
        target.rename(broken / "copy")
        shutil.rmtree(broken)
    fresh = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    try:
        for name in files:
            place = fresh / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, place)
            # The sticky bit on a file tells systemd-tmpfiles, which ages /var/tmp, to leave it alone.
            place.chmod(0o1755 if os.access(root / name, os.X_OK) else 0o1644)
        for folder in (fresh, *(path for path in fresh.rglob("*") if path.is_dir())):
            folder.chmod(0o755)
        fresh.rename(target)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if not target.is_dir():  # otherwise another supervisor was faster
            raise EngineFailed(f"cannot copy Postgres to {target}: {error.strerror}") from error


def _same_size(source: Path, copy: Path) -> bool:
    try:
        return source.stat().st_size == copy.stat().st_size
    except OSError:
        return False
