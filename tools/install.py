"""Fills `.venv` from the locks: two pips side by side, one line of progress, one line when it cannot.

`./segue` runs this with the Python it found, before anything of ours is installed: standard library only. What is
there already is kept, so an interrupted install is finished at the next start, and a changed lock moves only what it
changed. A copy of each installed lock is left in `.venv`; `./segue` compares it with the lock and otherwise stays out
of the way.
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

sys.path.insert(
    0, str(Path(__file__).resolve().parent.parent)
)  # the launcher runs this file isolated, by its path

from tools import failures, torch_build
from tools.pins import Lock, Pin, counted, shared_out

FETCHED_SHARE = 1 / 3
"""Wheels are compressed to about a third (468 MB for 1,457 MB, measured on the core)."""

BUILD_UNPACKED = 2.5
"""Graphics libraries shrink less than most: 2.5 times their archives on disk."""

PLAIN_EVERY_SECONDS = 10.0


class Say:
    """Progress on stderr: one line that rewrites itself on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self.is_live = sys.stderr.isatty()
        self.begin()

    def begin(self) -> None:
        self.began = self.spoke = time.monotonic()

    def line(self, text: str) -> None:
        self._write(("\r\x1b[K" if self.is_live else "") + f"segue: {text}\n")

    def progress(self, text: str) -> None:
        seconds = time.monotonic() - self.began
        if self.is_live:
            self._write(f"\r\x1b[Ksegue: {text}, {seconds:.0f} s")
        elif time.monotonic() - self.spoke > PLAIN_EVERY_SECONDS:
            self._write(f"segue: {text}, {seconds:.0f} s\n")
            self.spoke = time.monotonic()

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody reads it any more: the install goes on all the same
            sys.stderr.write(text)
            sys.stderr.flush()


class Interrupts:
    """Ctrl-C and its like: they raise at once, except while a pip is being started, which nobody would end otherwise."""

    def __init__(self) -> None:
        self._starting = self._came = False

    def take(self, _signal: int, _frame: FrameType | None) -> None:
        if not self._starting:
            raise KeyboardInterrupt
        self._came = True

    @contextmanager
    def waiting(self) -> Iterator[None]:
        self._starting = True
        try:
            yield
        finally:
            self._starting = False
        if self._came:
            raise KeyboardInterrupt


interrupts = Interrupts()


@dataclass(frozen=True, slots=True)
class Environment:
    """The `.venv` being filled, and the way pip is run in it."""

    home: Path
    held: int
    """The install lock: every pip keeps it too, so that one left behind by a killed start is waited for."""

    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def python(self) -> Path:
        return self.home / "bin" / "python"

    @property
    def log(self) -> Path:
        return self.home / "install.log"

    @property
    def site(self) -> Path:
        return Path(next(self.home.glob("lib/python3.*/site-packages")))

    def names(self) -> set[str]:
        """The packages installed completely: pip writes INSTALLER after everything else of a package is there."""
        complete = (
            path.parent.name for path in self.home.glob("lib/python3.*/site-packages/*.dist-info/INSTALLER")
        )
        return {re.sub(r"[-_.]+", "-", name.split("-")[0]).lower() for name in complete}

    def pip(self, *arguments: str, pip: Sequence[str] = ("-m", "pip")) -> subprocess.Popen[str]:
        scratch = self.home / "tmp"  # on the disk that was found large enough; /tmp may be small
        scratch.mkdir(exist_ok=True)
        # allow: environment because pip runs in the user's own, and settings are not installed yet
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        settings = {
            "TMPDIR": str(scratch),
            "PIP_USER": "0",
            "PIP_NO_INPUT": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        with self.log.open("a") as log, interrupts.waiting():
            process = subprocess.Popen(
                [str(self.python), "-I", *pip, *arguments],
                env=kept | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
                pass_fds=(self.held,),
                start_new_session=True,
            )
            self.started.append(process)
        return process

    def end(self) -> None:
        """Leaves no pip running. Killing is safe: what it leaves halfway is repaired at the next start."""
        for process in self.started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def main() -> int:
    arguments = argparse.ArgumentParser(description="Installs what Segue needs into .venv.")
    arguments.add_argument("root", type=Path)
    arguments.add_argument("--extras", action="store_true", help="also what the tests and checks need")
    given = arguments.parse_args()
    say = Say()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupts.take)
    try:
        install(given.root, say, with_extras=given.extras)
    except failures.CannotInstall as refusal:
        say.line(str(refusal))
        return 1
    except OSError as error:
        say.line(failures.reason_of(error, given.root))
        return 1
    except KeyboardInterrupt:
        say.line("interrupted; the next start goes on from here")
        return 130
    return 0


def install(root: Path, say: Say, *, with_extras: bool) -> None:
    locks = [Lock.read(root / "requirements.lock")]
    if with_extras:
        locks.append(Lock.read(root / "requirements-extras.lock"))
    with alone(root, say) as held:
        environment = Environment(root / ".venv", held)
        try:
            bring(environment, root, locks, say)
        finally:
            environment.end()


def bring(environment: Environment, root: Path, locks: list[Lock], say: Say) -> None:
    """Installs those of the locks that are missing."""
    missing = [lock for lock in locks if not is_installed(lock, environment)]
    if not missing:
        return
    require_space(root, sum(pin.megabytes for lock in missing for pin in absent(lock, environment)))
    create(environment)
    repair(environment)
    bring_pip(environment, locks[0])
    for lock in missing:
        marker(lock, environment).unlink(missing_ok=True)
        if lock.beside is not None:
            bring_beside(environment, lock.beside, locks, say)
        fill(environment, lock, say)
        shutil.copyfile(lock.path, marker(lock, environment))
    shutil.rmtree(environment.home / "tmp", ignore_errors=True)


@contextmanager
def alone(root: Path, say: Say) -> Iterator[int]:
    """One install at a time: a second start waits, and then finds everything there."""
    held = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say.line("another start is installing; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield held
    finally:
        os.close(held)


def marker(lock: Lock, environment: Environment) -> Path:
    return environment.home / lock.path.name.replace("requirements", "installed")


def is_installed(lock: Lock, environment: Environment) -> bool:
    left = marker(lock, environment)
    return environment.python.exists() and left.exists() and left.read_bytes() == lock.path.read_bytes()


def absent(lock: Lock, environment: Environment) -> list[Pin]:
    names = environment.names() if environment.python.exists() else set()
    return [pin for pin in lock.pins if pin.name not in names]


def require_space(root: Path, megabytes: float) -> None:
    needed, free = megabytes * (1 + FETCHED_SHARE) * 1.1, shutil.disk_usage(root).free / 1e6
    if needed > free:
        raise failures.CannotInstall(
            f"the disk is too full: installing takes {needed / 1000:.1f} GB, and {free / 1000:.1f} GB are free in {root}"
        )


def create(environment: Environment) -> None:
    """Makes `.venv`, or keeps one that works; one of ours whose Python has gone is made again."""
    home, python = environment.home, environment.python
    if python.is_symlink() or python.exists():
        version = "import sys; raise SystemExit(not (3, 11) <= sys.version_info[:2] < (3, 13))"
        with suppress(OSError):
            if (
                subprocess.run([python, "-I", "-c", version], capture_output=True, check=False).returncode
                == 0
            ):
                return
        if not environment.log.exists():
            raise failures.CannotInstall(f"{home} is not ours, and not of Python 3.11 or 3.12: move it away")
        shutil.rmtree(home)
    made = subprocess.run(
        [sys.executable, "-I", "-m", "venv", "--without-pip", str(home)],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode != 0:
        raise failures.CannotInstall(
            failures.reason_in(made.stdout + made.stderr, environment.home.parent, None)
        )
    require_execution(home)


def require_execution(home: Path) -> None:
    probe = home / "probe"
    probe.write_text("#!/bin/sh\n")
    probe.chmod(0o700)
    try:
        subprocess.run([probe], check=True)
    except PermissionError:
        raise failures.CannotInstall(
            f"programs may not run from {home.parent} (its file system is mounted noexec): put Segue somewhere else"
        ) from None
    finally:
        probe.unlink()


def repair(environment: Environment) -> None:
    """Forgets the packages a killed pip left halfway, so that the next pip installs them."""
    for half in environment.site.glob("*.dist-info"):
        if not (half / "INSTALLER").exists():
            shutil.rmtree(half)
    for stashed in environment.site.glob("~*"):
        shutil.rmtree(stashed)
    environment.log.unlink(missing_ok=True)


def bring_pip(environment: Environment, core: Lock) -> None:
    """The pinned pip, by the one that Python brings along, straight from its wheel: `ensurepip` takes 5 s longer."""
    pin = next(pin for pin in core.pins if pin.name == "pip")
    if (environment.site / f"pip-{pin.version}.dist-info").exists():
        return
    folders = [
        Path(sysconfig.get_path("stdlib"), "ensurepip", "_bundled"),
        sysconfig.get_config_var("WHEEL_PKG_DIR"),
    ]
    wheels = [wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl")]
    if wheels:
        run(environment, [environment.pip(*options(environment, [pin]), pip=[str(max(wheels) / "pip")])])
    else:
        run(environment, [environment.pip(pip=["-m", "ensurepip"])])
        run(environment, [environment.pip(*options(environment, [pin]))])


def bring_beside(environment: Environment, requirement: str, locks: list[Lock], say: Say) -> None:
    """Installs what has no hash that holds everywhere, saying first which build it is and how large."""
    if requirement.split("==", maxsplit=1)[0] in environment.names():
        return
    constraints = environment.home / "constraints.txt"
    constraints.write_text(
        "".join(pin.text.split("\\")[0].strip() + "\n" for lock in locks for pin in lock.pins)
    )
    report = environment.home / "report.json"
    asking = ["install", "--dry-run", "--report", str(report), "--constraint", str(constraints), requirement]
    run(
        environment,
        [environment.pip(*asking)],
        lambda: say.progress(f"asking which build of {requirement} fits"),
    )
    locked = {pin.name for lock in locks for pin in lock.pins}
    build = torch_build.read(report, but=locked)
    say.line(f"installing {build.sentence}")
    require_space(environment.home.parent, (build.megabytes or 0.0) * BUILD_UNPACKED)
    run(
        environment,
        [
            environment.pip(
                "install", "--no-compile", "--no-deps", "--progress-bar", "off", *build.requirements
            )
        ],
        lambda: say.progress(f"installing {requirement}"),
    )


def fill(environment: Environment, lock: Lock, say: Say) -> None:
    """Installs one lock, shared out by size."""
    there, wanted = environment.names(), {pin.name for pin in lock.pins}
    size = sum(pin.megabytes for pin in absent(lock, environment)) / 1000
    say.line(
        f"installing {counted(len(wanted - there))}, about {size * FETCHED_SHARE:.1f} GB to fetch and {size:.1f} GB "
        "on disk; only once, the next start needs no network"
    )
    say.begin()

    def told() -> None:
        log = environment.log.read_text(errors="replace")
        fetched = len(re.findall(r"^ *(?:Downloading|Using cached|Processing) \S+", log, re.MULTILINE))
        of_other_machines = len(re.findall(r"^Ignoring \S+: markers", log, re.MULTILINE))
        total, done = len(lock.pins) - of_other_machines, len(environment.names() & wanted)
        say.progress(f"installing: {max(min(fetched, total), done)} of {total} fetched, {done} installed")

    environment.log.touch()
    shares = shared_out(lock.pins)
    run(environment, [environment.pip(*options(environment, share)) for share in shares if share], told)
    say.line(
        f"installed {counted(len(environment.names() & wanted))} in {time.monotonic() - say.began:.0f} s"
    )


def options(environment: Environment, pins: Sequence[Pin]) -> list[str]:
    """What pip is told: only what the lock names, only with its hash; byte code is written at the first import.

    Without build isolation: pyspark is built with the setuptools of the lock, not with one fetched by the way.
    """
    with tempfile.NamedTemporaryFile(
        "w", dir=environment.home, prefix="share-", suffix=".lock", delete=False
    ) as share:
        share.writelines(pin.text for pin in pins)
    return ["install", "--no-compile", "--no-deps", "--no-build-isolation", "--require-hashes", "--progress-bar", "off",
            "--requirement", share.name]  # fmt: skip


def run(
    environment: Environment, pips: list[subprocess.Popen[str]], told: Callable[[], None] = lambda: None
) -> None:
    """Waits for the pips; when one fails, the others are ended."""
    try:
        while any(pip.poll() is None for pip in pips) and not any(pip.poll() for pip in pips):
            told()
            time.sleep(0.2)
        if any(pip.poll() for pip in pips):
            log = environment.log.read_text(errors="replace")
            raise failures.CannotInstall(failures.reason_in(log, environment.home.parent, environment.log))
    finally:
        environment.end()
        for share in environment.home.glob("share-*.lock"):
            share.unlink()


if __name__ == "__main__":
    sys.exit(main())
