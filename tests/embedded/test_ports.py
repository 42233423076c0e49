"""Ports: a conflict is told, another one is offered, and engines keep theirs."""

import socket
from pathlib import Path

import pytest

from embedded.child import EngineFailed
from embedded.ports import HIGHEST, HOST, LOWEST, engine_ports, free_port, is_free, offered_port


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path


def taken(port: int = 0) -> socket.socket:
    return socket.create_server((HOST, port))


def test_another_port_is_offered_when_one_is_taken() -> None:
    with taken() as server:
        port = server.getsockname()[1]

        offered = offered_port(port)

        assert offered is not None
        assert offered > port
        assert is_free(offered)
        assert free_port(port) == offered
    assert offered_port(port) is None


def test_engines_keep_their_ports_and_give_way_when_one_is_taken(run: Path) -> None:
    first = engine_ports(run, ["postgres", "redis"], {})
    again = engine_ports(run, ["postgres", "redis"], {})
    with taken(first["redis"]):
        displaced = engine_ports(run, ["postgres", "redis"], {})

    assert again == first
    assert displaced["postgres"] == first["postgres"]
    assert displaced["redis"] != first["redis"]
    assert len({*first.values()}) == 2
    assert all(LOWEST <= port < HIGHEST + 100 for port in first.values())


def test_a_wished_port_that_is_taken_is_told_with_another(run: Path) -> None:
    with taken() as server:
        port = server.getsockname()[1]

        with pytest.raises(EngineFailed, match=rf"^port {port} for redis is taken; \d+ is free$"):
            engine_ports(run, ["redis"], {"redis": port})


def test_a_broken_note_of_ports_is_written_anew(run: Path) -> None:
    (run / "run" / "ports.json").write_text("{broken")

    chosen = engine_ports(run, ["redis"], {})

    assert engine_ports(run, ["redis"], {}) == chosen
