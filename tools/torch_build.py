"""Which build of torch pip would take on this machine, and how large it is: read from pip's own plan."""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Build:
    sentence: str
    requirements: tuple[str, ...]
    """torch and what it brings that no lock names, each in the very version of the plan."""
    megabytes: float | None


def read(report: Path, but: Collection[str]) -> Build:
    """The plan of `pip install --dry-run --report`, without the packages that a lock brings with their hashes."""
    planned = [
        (
            re.sub(r"[-_.]+", "-", each["metadata"]["name"]).lower(),
            each["metadata"]["version"],
            each["download_info"],
        )
        for each in json.loads(report.read_text())["install"]
    ]
    taken = [(name, version, source["url"]) for name, version, source in planned if name not in but]
    sizes = [size_of(url) for _, _, url in taken]
    known = [size for size in sizes if size is not None]
    megabytes = sum(known) / 1e6 if len(known) == len(sizes) else None
    version = next((version for name, version, _ in taken if name == "torch"), "")
    return Build(
        sentence=f"torch {version} ({kind(version, beside=len(taken) - 1)}{size_in_words(megabytes)})",
        requirements=tuple(f"{name}=={version}" for name, version, _ in taken),
        megabytes=megabytes,
    )


def kind(version: str, beside: int) -> str:
    """
    >>> kind("2.13.0+cpu", beside=0), kind("2.13.0", beside=16)
    ('CPU build', 'CUDA build, with 16 packages for graphics cards')
    """
    if version.endswith("+cpu"):
        return "CPU build"
    return (
        f"CUDA build, with {beside} packages for graphics cards" if beside else "the build for this machine"
    )


def size_in_words(megabytes: float | None) -> str:
    if megabytes is None:
        return ", of unknown size"
    return f", {megabytes:.0f} MB" if megabytes < 1000 else f", {megabytes / 1000:.1f} GB"


def size_of(url: str) -> int | None:
    """Bytes of an archive: of a file at once, of an address when it answers; not knowing it stops nothing."""
    parts = urllib.parse.urlsplit(url)
    try:
        if parts.scheme == "file":
            return Path(urllib.request.url2pathname(parts.path)).stat().st_size
        asked = urllib.request.Request(url, method="HEAD")  # noqa: S310 - pip is about to fetch the same address
        with urllib.request.urlopen(asked, timeout=PATIENCE_SECONDS) as answer:  # noqa: S310
            return int(answer.headers["Content-Length"])
    except (OSError, TypeError, ValueError):
        return None
