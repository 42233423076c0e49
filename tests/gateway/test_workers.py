"""Processes behind one socket: they share what must be shared, replace each other, and end without losing a thing."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from embedded.child import Child
from embedded.supervisor import Supervisor
from event_log.reading import closed, events_of
from foundation.contracts.events import PlaybackEvent
from tests.gateway.conftest import Gateway, StartGateway, token_of

pytestmark = pytest.mark.slow


def until(happens: Callable[[], bool], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def gets(gateway: Gateway, number: int, listener: int) -> Counter[int]:
    """The statuses of so many requests."""
    with gateway.client(listener) as client, ThreadPoolExecutor(8) as senders:
        answers = senders.map(lambda _: client.get("/api/v1/songs/1"), range(number))
        return Counter(answer.status_code for answer in answers)


@contextmanager
def resting(worker: int) -> Iterator[None]:
    """This process takes no request meanwhile: with one socket for all, nothing else says who takes which."""
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def counted_by_worker(gateway: Gateway, endpoint: str) -> dict[str, float]:
    """How many requests each process has counted, read from its own file."""
    from prometheus_client.mmap_dict import MmapedDict

    counts = {}
    for file in (gateway.home / "run" / "metrics").glob("counter_*.db"):
        values = MmapedDict.read_all_values_from_file(file)
        counts[file.stem] = sum(value for key, value, *_ in values if f'"{endpoint}"' in key)
    return {name: count for name, count in counts.items() if count}


def metric(gateway: Gateway, line: str) -> float:
    page = httpx.get(f"{gateway.address}/metrics", timeout=10).text
    (told,) = [each for each in page.splitlines() if each.startswith(f"{line} ")]
    return float(told.rpartition(" ")[2])


def test_two_workers_share_limits_and_add_up_their_metrics(
    start_gateway: StartGateway, own_redis: "tuple[str, subprocess.Popen[bytes]]"
) -> None:
    settings = {"SEGUE__LIMITS__FREE": "60", "SEGUE__LIMITS__WINDOW": "PT1H"}
    gateway = start_gateway(SEGUE__ENGINES__REDIS=own_redis[0], **settings)
    first, second = gateway.workers

    with resting(second):
        statuses = gets(gateway, 25, listener=1)
    with resting(first):
        statuses += gets(gateway, 60, listener=1)
    statuses += gets(gateway, 75, listener=1)

    until(lambda: sum(counted_by_worker(gateway, "/api/v1/songs/{song_id}").values()) >= statuses[200])
    by_worker = counted_by_worker(gateway, "/api/v1/songs/{song_id}")
    route = 'endpoint="/api/v1/songs/{song_id}",method="GET"'
    assert len(by_worker) == 2
    assert 55 <= statuses[200] <= 60
    assert statuses[200] + statuses[429] == 160
    assert metric(gateway, f'http_requests_total{{{route},status="200"}}') == statuses[200]
    # What is refused at the door has not come to a route.
    refused = 'endpoint="unknown",method="GET",status="429"'
    assert metric(gateway, f"http_requests_total{{{refused}}}") == statuses[429]
    assert metric(gateway, "db_connection_pool_max") == 40


def test_a_killed_worker_is_replaced_while_the_other_serves(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    victim, other = gateway.workers

    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in gateway.workers and len(gateway.workers) == 2, seconds=5)
    meanwhile = gets(gateway, 20, listener=1)
    gateway.wait_until_ready(3)
    afterwards = gets(gateway, 20, listener=1)

    assert other in gateway.workers
    assert (meanwhile, afterwards) == ({200: 20}, {200: 20})
    assert metric(gateway, "db_connection_pool_max") == 40


def test_workers_end_with_a_parent_that_was_killed(start_gateway: StartGateway) -> None:
    gateway = start_gateway()
    workers = gateway.workers

    gateway.process.kill()
    gateway.process.wait()

    until(lambda: not any(psutil.pid_exists(pid) for pid in workers), seconds=10)


def test_the_parent_is_small_and_one_worker_needs_none(start_gateway: StartGateway) -> None:
    gateway, single = start_gateway(), start_gateway(workers=1)

    parent = psutil.Process(gateway.process.pid).memory_info().rss
    answer = httpx.get(f"{single.address}/health/live", timeout=10)

    assert parent < 20 * 1024 * 1024
    assert (answer.status_code, single.workers) == (200, [])


def test_an_address_that_is_taken_is_told_in_one_line(start_gateway: StartGateway, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "gateway", "--port", str(port)],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"cannot listen on 127.0.0.1:{port}: already in use\n"


def test_what_cannot_start_ends_instead_of_trying_for_ever(
    start_gateway: StartGateway, urls: dict[str, str], tmp_path: Path
) -> None:
    urls["redis"] = "embedded"

    for settings in ({}, {"SEGUE__LIMITS__WINDOW": "often"}):
        with pytest.raises(AssertionError, match="the gateway ended"):
            start_gateway(**settings)

    log = (tmp_path / "gateway.log").read_text()
    assert "start it with ./segue up" in log
    assert log.count("SEGUE__LIMITS__WINDOW is not usable") in (1, 2)


def test_requests_under_way_are_answered_and_every_acknowledged_play_is_in_a_closed_segment(
    start_gateway: StartGateway,
) -> None:
    gateway = start_gateway()
    acknowledged: list[str] = []

    def play(_: int) -> None:
        play_id = str(uuid4())
        try:
            answer = client.post("/api/v1/songs/1/play", json={"play_id": play_id})
        except httpx.TransportError:  # it came too late to be taken
            return
        assert answer.status_code == 202
        acknowledged.append(play_id)

    body = b'{"play_id": "%s"}' % str(uuid4()).encode()
    token = token_of(1)["Authorization"]
    with (
        gateway.client(1) as client,
        socket.create_connection(("127.0.0.1", gateway.port)) as under_way,
        ThreadPoolExecutor(8) as senders,
    ):
        head = f"POST /api/v1/songs/1/play HTTP/1.1\r\nHost: segue\r\nAuthorization: {token}\r\n"
        under_way.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:10])
        sending = senders.map(play, range(300))
        until(lambda: len(acknowledged) > 50)
        gateway.process.terminate()
        time.sleep(0.3)
        under_way.sendall(body[10:])
        answer = under_way.recv(65536)
        list(sending)
    status = gateway.process.wait(20)

    told = [event for path in closed(gateway.home / "event_log").values() for event in events_of(path)]
    on_disk = {str(event.play_id) for event in told if isinstance(event, PlaybackEvent)}
    assert status == 0
    assert answer.startswith(b"HTTP/1.1 202")
    assert set(acknowledged) <= on_disk
    assert len(acknowledged) < 300
    assert not list((gateway.home / "event_log").glob("*.open"))


def test_no_worker_is_left_when_the_supervisor_ends(start_gateway: StartGateway, tmp_path: Path) -> None:
    template = start_gateway()
    template.process.terminate()
    template.process.wait(20)
    child = Child(
        name="api",
        argv=(sys.executable, "-m", "gateway", "--port", str(template.port)),
        env=template.environment,
        healthy=lambda: answers(template),
    )
    supervisor = Supervisor(tmp_path / "supervised", [child], print)

    with supervisor.running():
        until(lambda: supervisor_pid(tmp_path) is not None)
        parent = psutil.Process(supervisor_pid(tmp_path) or 0)
        workers = parent.children()
        os.kill(parent.pid, signal.SIGKILL)
        until(lambda: supervisor_pid(tmp_path) not in (None, parent.pid) and answers(template))
        after_kill = [worker for worker in workers if worker.is_running()]
        again = psutil.Process(supervisor_pid(tmp_path) or 0).children()

    assert len(workers) == len(again) == 2
    assert after_kill == []
    assert [worker for worker in again if worker.is_running()] == []


def answers(gateway: Gateway) -> bool:
    try:
        return httpx.get(f"{gateway.address}/health/live", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def supervisor_pid(tmp_path: Path) -> int | None:
    """The gateway's parent process as the supervisor tells it."""
    import json

    try:
        (child,) = json.loads((tmp_path / "supervised" / "run" / "status.json").read_text())["children"]
    except OSError:
        return None
    return int(child["pid"]) if child["state"] == "healthy" else None
