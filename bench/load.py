"""What benchmarks over HTTP share: servers as processes of their own, and wrk, which asks them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from foundation.settings import REPOSITORY


class Refused(RuntimeError):
    """Not every answer was a success."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the load generator counted; every answer was a success."""

    per_second: float
    p50: float  # milliseconds
    p99: float


def wrk(script: str, port: int, connections: int, seconds: float, *arguments: object) -> Told:
    """What a script of ours told to wrk measures, from one thread beside the server. Raises for any answer but a success."""
    if shutil.which("wrk") is None:
        raise RuntimeError("install wrk: it makes the load")
    words = [
        "wrk",
        "--timeout",
        "20s",
        "-t1",
        f"-c{connections}",
        f"-d{seconds:.0f}s",
        "-s",
        f"bench/{script}",
    ]
    words += [f"http://127.0.0.1:{port}", "--", *map(str, arguments)]
    said = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    told = next(line.split()[1:] for line in said.splitlines() if line.startswith("told "))
    requests, microseconds, failed = map(int, told[:3])
    if failed:
        raise Refused(f"{failed} of {requests} requests were refused")
    return Told(requests / microseconds * 1e6, float(told[3]) / 1000, float(told[4]) / 1000)


def warmed_up(round_of_load: Callable[[], Told]) -> None:
    """Rounds that nobody measures, until one is served whole: a server that has just started may refuse some."""
    for _ in range(5):
        with suppress(Refused):
            round_of_load()
            return


def worked_by(pid: int) -> float:
    """CPU seconds of a server and its workers so far, also of those that have ended: what a play costs, however busy the machine is."""
    server = psutil.Process(pid)
    times = [process.cpu_times() for process in (server, *server.children(recursive=True))]
    return float(sum(time.user + time.system + time.children_user + time.children_system for time in times))


def worked_in(home: Path) -> dict[str, float]:
    """CPU seconds so far of each part that a supervisor started on this home."""
    status = json.loads((home / "run" / "status.json").read_text())
    return {child["name"]: worked_by(child["pid"]) for child in status["children"] if child["pid"]}


@contextmanager
def program(environment: dict[str, str], module: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A module of ours at work as a process group of its own, ended afterwards."""
    with (Path(environment["SEGUE_HOME"]) / "log" / f"bench-{module}.log").open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *words],
            cwd=REPOSITORY,
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def wait_until(happens: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    give_up = time.monotonic() + 120
    while not happens():
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError(f"{process.args!r} does not come up")
        time.sleep(0.1)


def answers(port: int) -> bool:
    try:
        return httpx.post(f"http://127.0.0.1:{port}/health/live", timeout=2).status_code > 0
    except httpx.TransportError:
        return False
