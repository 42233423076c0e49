"""Ports on 127.0.0.1: which are free, and the ones that a home's engines keep across restarts."""

import hashlib
import json
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from embedded.child import EngineFailed
from embedded.state import write_privately

HOST = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: there, while an engine restarts,
# a client that keeps trying can be given the engine's own port, and keep it.
LOWEST, HIGHEST = 20_000, 32_000


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port(preferred: int, *, without: Iterable[int] = ()) -> int:
    """`preferred` when it is free, or the next free one above it."""
    taken = set(without)
    for port in range(preferred, 65_536):
        if port not in taken and is_free(port):
            return port
    raise EngineFailed(f"no port is free from {preferred} up")


def offered_port(port: int) -> int | None:
    """None when `port` is free; when it is taken, another that is free, to offer instead."""
    return None if is_free(port) else free_port(port + 1)


def engine_ports(home: Path, names: Iterable[str], wished: Mapping[str, int]) -> dict[str, int]:
    """One port for each engine: the wished one, or the one it had before, or a free one.

    Raises EngineFailed when a wished port is taken.
    """
    path = home / "run" / "ports.json"
    try:
        kept = {str(name): int(port) for name, port in json.loads(path.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        kept = {}
    chosen: dict[str, int] = {}
    for name in names:
        if name in wished:
            other = offered_port(wished[name])
            if other is not None:
                raise EngineFailed(f"port {wished[name]} for {name} is taken; {other} is free")
            chosen[name] = wished[name]
        elif name in kept and is_free(kept[name]):
            chosen[name] = kept[name]
        else:
            others = [*chosen.values(), *wished.values(), *(kept[other] for other in kept if other != name)]
            chosen[name] = free_port(_first_guess(home, name), without=others)
    if {**kept, **chosen} != kept:
        write_privately(path, {**kept, **chosen})
    return chosen


def _first_guess(home: Path, name: str) -> int:
    """Where to begin looking: the same for the same home, and seldom the same for two homes."""
    digest = hashlib.sha256(os.fsencode(home) + b"\0" + name.encode()).digest()
    return LOWEST + int.from_bytes(digest[:4], "big") % (HIGHEST - LOWEST)
