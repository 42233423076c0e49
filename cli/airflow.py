"""Airflow as parts of the platform: `python -m cli.airflow PART --port PORT` prepares what it needs and becomes it."""

import argparse
import base64
import fcntl
import http.client
import importlib.util
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from embedded.child import Child, Once, Stage
from embedded.ports import HOST
from embedded.state import write_privately
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.postgres import connection
from foundation.errors import Problem
from foundation.settings import REPOSITORY, Settings, child_environment

PARTS = {  # no triggerer: no operator of ours is deferrable
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),  # the API server reads the logs from the same disk
    "dag-processor": ("dag-processor",),
}
USER = "admin"
TASKS_AT_ONCE = 2


class AirflowMissing(Problem):
    """Airflow belongs to the extras, which are not installed."""

    status, title = 500, "Airflow is not installed"


class AirflowUnprepared(Problem):
    """Airflow's database could not be made ready."""

    status, title = 500, "Airflow cannot start"


def airflow_children(settings: Settings, port: int) -> list[Child]:
    """API server on `port`, scheduler and DAG processor. Raises AirflowMissing without the extras."""
    if importlib.util.find_spec("airflow") is None:
        raise AirflowMissing("Airflow is not installed: ./segue install --extras")
    report = Report(port)
    return [_child(settings, part, port, report) for part in PARTS]


def sign_in(settings: Settings) -> str:
    """How to sign in on its page."""
    return f"user {USER}, password in {_folder(settings) / 'passwords.json'}"


class Report:
    """What Airflow's API server says of the health of all parts; asked once for all who want to know."""

    KEPT = 0.5  # seconds

    def __init__(self, port: int) -> None:
        self.port = port
        self._asked = float("-inf")
        self._said: Mapping[str, Any] = {}

    def tells_of(self, part: str, since: datetime) -> bool:
        """Whether this part has been alive since then; a heartbeat of an earlier run is not enough."""
        if time.monotonic() - self._asked > self.KEPT:
            self._said = self._answer("/api/v2/monitor/health")
            self._asked = time.monotonic()
        if part == "api-server":
            # The door of the tasks takes seconds to open, and does so when somebody first knocks.
            return bool(self._said) and self._answer("/execution/health").get("status") == "healthy"
        name = part.replace("-", "_")
        said = self._said.get(name) or {}
        beat = said.get(f"latest_{name}_heartbeat")
        return said.get("status") == "healthy" and beat is not None and datetime.fromisoformat(beat) >= since

    def _answer(self, path: str) -> Mapping[str, Any]:
        """Empty while it does not answer."""
        door = http.client.HTTPConnection(HOST, self.port, timeout=1)
        try:
            door.request("GET", path)
            answer = door.getresponse()
            return dict(json.loads(answer.read())) if answer.status == http.client.OK else {}
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            door.close()


def _child(settings: Settings, part: str, port: int, report: Report) -> Child:
    began = utc_now()

    def note_start(_: Once) -> None:
        nonlocal began
        began = utc_now()

    return Child(
        name=f"airflow-{part}",
        argv=(sys.executable, "-m", "cli.airflow", part, "--port", str(port)),
        env=child_environment(settings),
        cwd=REPOSITORY,
        healthy=lambda: report.tells_of(part, began),
        stage=Stage.SERVICES,
        ready_within=timedelta(seconds=240),
        # The scheduler waits for running tasks; a job that is cut off leaves nothing behind and is tried again.
        stop_within=timedelta(seconds=10),
        prepare=note_start,
    )


# What follows runs in the part's own process.


def main(arguments: Sequence[str] | None = None) -> None:
    """Become a part of Airflow, with secrets, database and environment ready."""
    parser = argparse.ArgumentParser(prog="python -m cli.airflow", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--port", type=int, required=True, help="of Airflow's API server")
    asked = parser.parse_args(arguments)
    try:
        environment = ready_environment(foundation_settings.connected(foundation_settings.load()), asked.port)
    except Problem as problem:
        sys.exit(problem.detail)
    argv = [sys.executable, "-m", "airflow", *PARTS[asked.part]]
    os.execve(argv[0], argv, environment)  # noqa: S606 - it becomes Airflow


def ready_environment(settings: Settings, port: int) -> dict[str, str]:
    """The whole environment of a part. Who comes first makes secrets and database, the others wait for it."""
    folder = _folder(settings)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_at_a_time(folder / "prepare.lock"):
        database = Database.beside(settings.engines.postgres)
        environment = _environment(settings, database, _keys(folder), port)
        database.make()
        _migrate(database, folder / "migrated.json", environment)
    return environment


@dataclass(frozen=True, slots=True)
class Database:
    """Where Airflow keeps what it knows: a database beside the platform's own."""

    platform_url: str
    name: str

    @classmethod
    def beside(cls, url: str) -> "Database":
        return cls(url, f"{make_url(url).database}_airflow")

    @property
    def url(self) -> str:
        return make_url(self.platform_url).set(database=self.name).render_as_string(hide_password=False)

    @property
    def sqlalchemy_url(self) -> str:
        """For requests and loops alike. Airflow would take `$` for a variable.

        >>> Database.beside("postgresql://me:a$b@db/music").sqlalchemy_url
        'postgresql+psycopg://me:a%24b@db/music_airflow'
        """
        url = make_url(self.url).set(drivername="postgresql+psycopg")
        return url.render_as_string(hide_password=False).replace("$", "%24")

    def make(self) -> None:
        """Create it when it is missing. Raises AirflowUnprepared when that is not allowed."""
        with connection(self.platform_url, name="segue airflow") as db:
            if db.execute("SELECT FROM pg_database WHERE datname = %s", [self.name]).fetchone() is not None:
                return
            try:
                db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.name)))
            except psycopg.errors.InsufficientPrivilege as error:
                raise AirflowUnprepared(
                    f"create the database {self.name} for Airflow: this user may not"
                ) from error

    def revision(self) -> str | None:
        """Which migration it is at; None before the first."""
        with connection(self.url, name="segue airflow") as db:
            try:
                row = db.execute("SELECT version_num FROM alembic_version").fetchone()
            except psycopg.errors.UndefinedTable:
                return None
        return str(row[0]) if row else None


def _migrate(database: Database, note: Path, environment: Mapping[str, str]) -> None:
    """Bring its tables up to date, unless this version of Airflow has done so: asking Airflow takes seconds."""
    current = {"airflow": version("apache-airflow-core"), "revision": database.revision()}
    try:
        noted = json.loads(note.read_text())
    except (OSError, ValueError):
        noted = None
    if noted == current:
        return
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    if subprocess.run(command, env=dict(environment), check=False).returncode:
        raise AirflowUnprepared(
            f"Airflow could not migrate its database {database.name}; its words are above"
        )
    write_privately(note, {**current, "revision": database.revision()})


@dataclass(frozen=True, slots=True)
class Keys:
    """What Airflow's parts know each other by, and what its database encrypts with."""

    fernet: str
    token: str
    session: str


def _keys(folder: Path) -> Keys:
    """Made once and kept for us alone, with the password of the page's user."""
    path = folder / "keys.json"
    if not path.exists():
        fresh = {name: secrets.token_urlsafe(64) for name in ("token", "session")}
        write_privately(path, fresh | {"fernet": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()})
    passwords = folder / "passwords.json"
    if not passwords.exists():
        write_privately(passwords, {USER: secrets.token_urlsafe(12)})
    try:
        return Keys(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise AirflowUnprepared(f"{path} is damaged: remove it, and new keys are made") from error


def _environment(settings: Settings, database: Database, keys: Keys, port: int) -> dict[str, str]:
    folder, page = _folder(settings), f"http://{HOST}:{port}"
    sections: dict[str, dict[str, object]] = {
        "CORE": {
            "DAGS_FOLDER": REPOSITORY / "dags",
            "DAGS_ARE_PAUSED_AT_CREATION": False,  # who starts Airflow wants the schedule
            "LOAD_EXAMPLES": False,
            "EXECUTOR": "LocalExecutor",
            "PARALLELISM": TASKS_AT_ONCE,
            "FERNET_KEY": keys.fernet,
            "SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": folder / "passwords.json",
            "EXECUTION_API_SERVER_URL": f"{page}/execution/",
            "HOSTNAME_CALLABLE": "socket.gethostname",  # the default asks the name server
        },
        "DATABASE": {
            "SQL_ALCHEMY_CONN": database.sqlalchemy_url,
            "SQL_ALCHEMY_CONN_ASYNC": database.sqlalchemy_url,
        },
        "API": {
            "HOST": HOST,
            "PORT": port,
            "BASE_URL": page,
            "WORKERS": 1,
            "WORKER_TIMEOUT": 10,  # what a page may keep open when all stops
            "SECRET_KEY": keys.session,
            "INSTANCE_NAME": "Segue",
        },
        "API_AUTH": {"JWT_SECRET": keys.token},
        "SCHEDULER": {  # after a crash, tasks that were cut off are found within about a minute
            "TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
            "ORPHANED_TASKS_CHECK_INTERVAL": 60,
        },
        "WORKERS": {"EXECUTION_API_TIMEOUT": 30},  # the first answer to a task takes seconds on a busy laptop
        "DAG_PROCESSOR": {"PARSING_PROCESSES": 1, "MIN_FILE_PROCESS_INTERVAL": 60, "REFRESH_INTERVAL": 60},
        "LOGGING": {"BASE_LOG_FOLDER": folder / "logs", "COLORED_CONSOLE_LOG": False},
    }
    return {
        **child_environment(settings),
        "AIRFLOW_HOME": os.fspath(folder),
        "MALLOC_ARENA_MAX": "2",  # its many threads would keep a heap each
        **{
            f"AIRFLOW__{section}__{name}": str(value)
            for section, options in sections.items()
            for name, value in options.items()
        },
    }


def _folder(settings: Settings) -> Path:
    return settings.home / "airflow"


@contextmanager
def _one_at_a_time(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    main()
