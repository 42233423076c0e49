"""What the command says when it cannot: one line on stderr, a status that is not zero, and nothing half done."""

import socket
from pathlib import Path

import pytest

from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("import", "/nowhere/at/all"), "there is no such file or folder"),
        (("import", "/etc/hostname"), "is nothing that Segue can import"),
        (("job", "nothing"), "there is no job 'nothing'"),
        (("recommend",), "say who"),
        (("recommend", "--all"), "say where to write"),
        (("recommend", "--all", "--out", "/nowhere/feeds.parquet"), "cannot write"),
        (("recommend", "--source", "world", "--external-id", "nobody"), "names no listener 'nobody'"),
        (("recommend", "--user-id", "999999999"), "there is no listener"),
        (("token", "world:nobody"), "names no listener"),
        (("token", "me"), "names nobody"),
        (("token", "1", "--role", "king"), "there is no role 'king'"),
        (("up",), "already running"),
        (("logs", "nobody"), "there is no log"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else "",
)
def test_a_refusal_is_one_line(platform: Platform, words: tuple[str, ...], said: str) -> None:
    lines = platform.segue(*words, status=1).strip().splitlines()

    assert said in lines[0]
    assert not any("Traceback" in line for line in lines)


def test_a_broken_file_leaves_nothing_behind(platform: Platform, tmp_path: Path) -> None:
    broken = tmp_path / "events.tsv"
    broken.write_bytes(
        b"user\tend_time_utc_minute\tartist\ttrack\tms_played\nu1\t2021-12-03 05:31\tA\tB\t99\nu2\t\xff\xfe"
    )

    refused = platform.segue("import", str(broken), status=1)

    assert "events.tsv" in refused
    assert "names no listener" in platform.segue("token", "listening_history:u1", status=1)


def test_a_taken_port_is_told_and_another_offered(tmp_path: Path) -> None:
    other = Platform(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        refused = other.segue("up", "--detach", "--port", str(port), status=1)

    assert f"port {port} is taken" in refused
    assert "is free" in refused
    assert other.segue("status", status=1).startswith("Segue is not running")
