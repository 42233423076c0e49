"""MLflow's page: a cheap door, a server behind it at the first request, and both gone when the door is closed."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from embedded.ports import free_port
from foundation import settings as foundation_settings
from foundation.engines.blobs import open_blobs
from foundation.settings import REPOSITORY, Settings, child_environment
from models.registry import open_registry
from tests.conftest import Engines
from tests.models.test_registry import CARD

pytestmark = pytest.mark.slow


@contextmanager
def door(home: Path, *words: str) -> Iterator[tuple[int, psutil.Process]]:
    """The door of MLflow's page on a free port, closed at the end."""
    port = free_port(21_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.mlflow", "--port", str(port), *words],
        cwd=REPOSITORY,
        env=dict(child_environment(Settings(SEGUE_HOME=home))),
    )
    try:
        while not knocks(port):
            assert process.poll() is None
            time.sleep(0.05)
        yield port, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def knocks(port: int) -> bool:
    """Connect, say nothing, and go."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def page(port: int, path: str = "/", **headers: str) -> httpx.Response:
    return httpx.get(f"http://127.0.0.1:{port}{path}", headers=headers, timeout=30)


def page_within(port: int, seconds: float) -> httpx.Response:
    """MLflow's own page, once it is there."""
    end = time.monotonic() + seconds
    while (answer := page(port)).status_code != httpx.codes.OK:
        assert time.monotonic() < end, answer.text
        time.sleep(float(answer.headers["Refresh"]) / 4)
    return answer


def servers(process: psutil.Process) -> list[psutil.Process]:
    return [child for child in process.children(recursive=True) if "uvicorn" in child.cmdline()]


def test_the_first_request_is_told_to_wait_and_within_a_minute_there_is_the_page(engines: Engines):
    with door(engines.home) as (port, process):
        first = page(port)
        shown = page_within(port, 60)

        assert first.status_code == httpx.codes.SERVICE_UNAVAILABLE
        assert "MLflow is starting" in first.text
        assert "<title>MLflow</title>" in shown.text
        assert page(port, Host="elsewhere.example").status_code == httpx.codes.FORBIDDEN
        assert secret(engines) not in " ".join(word for each in servers(process) for word in each.cmdline())
        (server,) = servers(process)
    assert not server.is_running()


def test_the_page_gives_the_plots_of_a_run(engines: Engines):
    url = f"file://{engines.home}/blobs"
    registry = open_registry(engines.postgres, open_blobs(url), url)
    picture = b"\x89PNG of a kind"
    name, number = registry.register("drawn", replace(CARD, plots={"quality.png": picture})).split("/")
    run = registry.client.get_model_version(name, number).run_id

    with door(engines.home) as (port, _):
        page_within(port, 60)
        listed = page(port, f"/api/2.0/mlflow/artifacts/list?run_id={run}&path=plots").json()
        shown = page(port, f"/get-artifact?path=plots/quality.png&run_uuid={run}")

    assert [found["path"] for found in listed["files"]] == ["plots/quality.png"]
    assert shown.headers["content-type"] == "image/png"
    assert shown.content == picture


def test_a_door_nobody_speaks_to_starts_nothing_and_costs_little(engines: Engines):
    with door(engines.home) as (port, process):
        for _ in range(5):
            knocks(port)
        time.sleep(0.5)

        assert servers(process) == []
        assert process.memory_info().rss < 40 * 1024 * 1024


def test_a_server_nobody_uses_ends_and_comes_back(engines: Engines):
    with door(engines.home, "--idle", "2") as (port, process):
        page_within(port, 60)
        (first,) = servers(process)
        first.wait(30)

        assert page_within(port, 60).status_code == httpx.codes.OK


def test_a_door_that_is_killed_takes_its_server_along(engines: Engines):
    with door(engines.home) as (port, process):
        page_within(port, 60)
        (server,) = servers(process)

        os.kill(process.pid, signal.SIGKILL)

        with suppress(psutil.ZombieProcess):  # it has ended, though nobody has asked how
            server.wait(20)


def test_without_engines_the_page_says_where_to_look(tmp_path: Path):
    with door(tmp_path) as (port, _):
        end = time.monotonic() + 60
        while "MLflow did not start" not in (answer := page(port)).text:
            assert time.monotonic() < end
            time.sleep(0.2)

    assert "./segue logs mlflow" in answer.text


def secret(engines: Engines) -> str:
    """The password of Postgres."""
    url = foundation_settings.running_engines(Settings(SEGUE_HOME=engines.home))["postgres"]
    return url.split("@", maxsplit=1)[0].rsplit(":", maxsplit=1)[-1]
