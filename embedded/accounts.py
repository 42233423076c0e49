"""The unprivileged account that replaces root, and which files it can reach."""

import os
import pwd
from collections.abc import Iterable
from pathlib import Path

from embedded.child import Account, EngineFailed


def unprivileged(name: str) -> Account | None:
    """The account to become, or None when we are not root and stay who we are."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        raise EngineFailed(
            f"there is no account {name!r} for Postgres, which refuses to run as root: "
            "name another in SEGUE__EMBEDDED__ACCOUNT"
        ) from None
    if entry.pw_uid == 0:
        raise EngineFailed(f"Postgres refuses to run as root, and the account {name!r} is root")
    return Account(name, entry.pw_uid, entry.pw_gid)


def reaches(account: Account | None, path: Path) -> bool:
    """Whether the account can walk to `path` and read it. None stands for ourselves."""
    if account is None:
        return True
    path = path.resolve()
    walked = all(_may(account, folder, 0o1) for folder in path.parents)
    return walked and _may(account, path, 0o5 if path.is_dir() else 0o4)


def reaches_all(account: Account | None, root: Path, names: Iterable[str]) -> bool:
    """The same for many files below `root`, looking at each folder once."""
    if account is None:
        return True
    files = [root / name for name in names]
    folders = {file.parent for file in files}
    return all(reaches(account, folder) for folder in folders) and all(
        _may(account, file, 0o4) for file in files
    )


def _may(account: Account, path: Path, bits: int) -> bool:
    try:
        found = path.stat()
    except OSError:
        return False
    if found.st_uid == account.uid:
        granted = found.st_mode >> 6
    elif found.st_gid == account.gid:
        granted = found.st_mode >> 3
    else:
        granted = found.st_mode
    return granted & bits == bits
