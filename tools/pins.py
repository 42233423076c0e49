"""The pins of a lock, and how they are shared out between pips that run side by side."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PIPS = 2
"""How many run side by side: two halve the time on two cores, three were slower."""

OVERHEAD_MB = 4
"""What a package costs besides its size: its index page, its metadata, many small files."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement of a lock with its hashes, as pip reads it."""

    name: str
    version: str
    text: str
    megabytes: float


@dataclass(frozen=True, slots=True)
class Lock:
    path: Path
    pins: tuple[Pin, ...]
    beside: str | None
    """A requirement installed first and without a hash, since its builds differ by machine."""

    @classmethod
    def read(cls, path: Path) -> "Lock":
        pins: list[Pin] = []
        megabytes, beside = 1.0, None
        for line in path.read_text().splitlines():
            if size := re.match(r"# ([\d.]+) MB$", line):
                megabytes = float(size[1])
            elif line.startswith("# beside: "):
                beside = line.removeprefix("# beside: ")
            elif found := re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", line):
                pins.append(Pin(found[1], found[2], line + "\n", megabytes))
            elif line.startswith(" "):
                last = pins[-1]
                pins[-1] = Pin(last.name, last.version, last.text + line + "\n", last.megabytes)
        return cls(path, tuple(pins), beside)


def counted(packages: int) -> str:
    return f"{packages} package{'' if packages == 1 else 's'}"


def shared_out(pins: Sequence[Pin]) -> list[list[Pin]]:
    """The pins in shares of about the same work: the largest first, each to the share with least so far."""
    shares: list[list[Pin]] = [[] for _ in range(PIPS)]
    work = [0.0] * PIPS
    for pin in sorted(pins, key=lambda pin: pin.megabytes, reverse=True):
        least = work.index(min(work))
        shares[least].append(pin)
        work[least] += pin.megabytes + OVERHEAD_MB
    return shares
