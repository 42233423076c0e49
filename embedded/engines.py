"""The engines of one home: their children, ready for the supervisor, and the URLs that they will have."""

import json
import os
import secrets
import socket
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from embedded.child import Child, EngineFailed, Stage
from embedded.ports import HOST, engine_ports
from embedded.postgres import Passwords, postgres_child
from embedded.redis import redis_child
from embedded.state import home_locked, make_folders, write_privately

NAMES = ("redis", "clickhouse", "postgres")
SECRETS = ("postgres", "postgres_superuser", "redis", "clickhouse_writer", "clickhouse_reader")
REPOSITORY = Path(__file__).resolve().parent.parent


def embedded_engines(
    home: Path,
    *,
    wanted: set[str],
    account: str = "nobody",
    ports: Mapping[str, int] | None = None,
) -> tuple[list[Child], dict[str, str]]:
    """The children of the `wanted` engines and their URLs, as `run/engines.json` names them.

    Ports and passwords are made on first use and kept. `account` is who Postgres becomes under root.
    Raises EngineFailed when a supervisor runs on this home already, or when something is missing.
    """
    unknown = wanted.difference(NAMES)
    if unknown:
        raise EngineFailed(f"there is no embedded engine named {', '.join(sorted(unknown))}")
    home = home.absolute()
    names = [name for name in NAMES if name in wanted]
    with home_locked(home):
        try:
            known = _secrets(home / "run" / "secrets.json")
            chosen = engine_ports(home, names, ports or {})
        except OSError as error:
            raise EngineFailed(f"cannot write in {home / 'run'}: {error.strerror}") from error
    children: list[Child] = []
    urls: dict[str, str] = {}
    for name in names:
        port = chosen[name]
        if name == "redis":
            children.append(redis_child(home, port=port, password=known["redis"]))
            urls["redis"] = f"redis://:{known['redis']}@{HOST}:{port}/0"
        elif name == "clickhouse":
            writer, reader = known["clickhouse_writer"], known["clickhouse_reader"]
            children.append(clickhouse_child(home, port=port, writer=writer, reader=reader))
            urls["clickhouse"] = f"http://segue:{writer}@{HOST}:{port}/segue"
            urls["clickhouse_reader"] = f"http://reader:{reader}@{HOST}:{port}/segue"
        else:
            passwords = Passwords(known["postgres_superuser"], known["postgres"])
            children.append(postgres_child(home, port=port, passwords=passwords, account=account))
            urls["postgres"] = f"postgresql://segue:{known['postgres']}@{HOST}:{port}/segue"
    return children, urls


def clickhouse_child(home: Path, *, port: int, writer: str, reader: str) -> Child:
    """ClickHouse's HTTP interface in front of chDB, with a user who writes and one who reads."""
    folder = home / "clickhouse"
    make_folders(folder)
    return Child(
        name="clickhouse",
        argv=(
            *(sys.executable, "-m", "embedded.clickhouse", "--path", os.fspath(folder)),
            *("--host", HOST, "--port", str(port)),
            *("--writer", "segue", "--reader", "reader", "--database", "segue"),
        ),
        env={
            "PATH": os.defpath,
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "HOME": os.fspath(folder),
            "PYTHONPATH": os.fspath(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "SEGUE_CLICKHOUSE_WRITER_PASSWORD": writer,
            "SEGUE_CLICKHOUSE_READER_PASSWORD": reader,
        },
        cwd=REPOSITORY,
        healthy=lambda: _pings(port),
        stage=Stage.ENGINES,
        ready_within=timedelta(seconds=120),  # opening a large store
        stop_within=timedelta(seconds=15),
    )


def _pings(port: int) -> bool:
    with socket.create_connection((HOST, port), timeout=2) as connection:
        connection.sendall(f"GET /ping HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        said = b""
        while more := connection.recv(4096):
            said += more
    return said.startswith(b"HTTP/1.1 200") and b"Ok." in said


def _secrets(path: Path) -> dict[str, str]:
    """One password each, made once and kept where only we can read them."""
    try:
        kept = {str(name): str(secret) for name, secret in json.loads(path.read_text()).items()}
    except FileNotFoundError:
        kept = {}
    except (ValueError, AttributeError) as error:
        raise EngineFailed(f"{path} cannot be read: remove it, and new passwords are made") from error
    missing = [name for name in SECRETS if name not in kept]
    if missing:
        kept |= {name: secrets.token_hex(24) for name in missing}
        write_privately(path, kept)
    return kept
