"""Why an install failed, as one sentence a stranger can act on: read from pip's log or from the system's error."""

import errno
import platform
import re
from pathlib import Path

DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|\[Errno 28\]|\[Errno 122\]")
UNREACHABLE = re.compile(
    r"Failed to establish a new connection|NewConnectionError|name resolution|Name or service not known"
    r"|nodename nor servname|Network is unreachable|Connection refused|Connection reset|timed out|Max retries exceeded"
    r"|ProxyError|Tunnel connection failed|ConnectionError"
)
CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|SSLError")
NOT_WRITABLE = re.compile(r"Permission denied|Read-only file system|\[Errno 13\]|\[Errno 30\]")
OTHER_HASH = re.compile(r"DO NOT MATCH THE HASHES.*?\n\s+(?P<name>[A-Za-z0-9._-]+)", re.DOTALL)
NOWHERE = re.compile(r"requirement (?P<name>\S+) .*\(from versions: none\)")
NO_BUILD = re.compile(r"No matching distribution found for (?P<name>[^\s(]+)")


class CannotInstall(Exception):
    """The install ends here; the message is the one line that is shown."""


def reason_in(log: str, root: Path, kept: Path | None) -> str:
    """The cause by order of certainty: a full disk also breaks connections, a broken connection also hides packages."""
    whole = f" (all of it: {kept})" if kept is not None else ""
    if DISK_FULL.search(log):
        return f"the disk is full: make room in {root} and start again{whole}"
    if found := OTHER_HASH.search(log):
        return f"{found['name']} is not the package that the lock names (its hash differs); nothing of it was run{whole}"
    if CERTIFICATE.search(log):
        return f"the package index could not be trusted (its certificate was refused): set PIP_CERT{whole}"
    if UNREACHABLE.search(log):
        return f"the package index cannot be reached: the first start needs the network, once{whole}"
    if found := NOWHERE.search(log):
        return f"{found['name']} is in no package index that pip can reach: the first start needs the network{whole}"
    if found := NO_BUILD.search(log):
        machine = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
        return f"no build of {found['name']} for {machine} is on offer in the package indexes that pip knows{whole}"
    if NOT_WRITABLE.search(log):
        return f"{root} cannot be written to{whole}"
    errors = re.findall(r"^(?:ERROR|error): *(.+)$", log, re.MULTILINE)
    return f"installing failed: {errors[-1] if errors else 'pip ended without saying why'}{whole}"


def reason_of(error: OSError, root: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"the disk is full: make room in {root} and start again"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{error.filename or root} cannot be written to: give yourself the right, or put Segue somewhere else"
    return f"installing failed: {error}"
