"""The supervisor on small programs: order, crashes, time limits, and what is left when it is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from embedded.child import Child, EngineFailed, Stage
from embedded.keeper import BackOff, rotate
from embedded.state import running_supervisor
from embedded.supervisor import Supervisor
from tests.conftest import REPOSITORY, read_until_ready
from tests.embedded.toys import alive_of, family, sleeper, stubborn, toy, wait_for

SWIFT = BackOff(first=timedelta(milliseconds=20), longest=timedelta(milliseconds=80))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for pid in alive_of(tmp_path):
        os.kill(pid, signal.SIGKILL)


def story(home: Path) -> list[str]:
    return (home / "story").read_text().splitlines()


def state_of(home: Path, name: str) -> dict[str, object]:
    status = json.loads((home / "run" / "status.json").read_text())
    found: dict[str, object] = next(child for child in status["children"] if child["name"] == name)
    return found


def start_toys(home: Path) -> "subprocess.Popen[str]":
    supervisor = subprocess.Popen(
        [sys.executable, "-m", "tests.embedded.toys", home],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert read_until_ready(supervisor)[-1] == "ready"
    return supervisor


def test_services_start_after_the_engines_and_stop_before_them(home: Path) -> None:
    service = sleeper(home, "service", stage=Stage.SERVICES)
    engines = [sleeper(home, "first"), sleeper(home, "second")]

    with Supervisor(home, [service, *engines], print).running():
        started = story(home)
    stopped = story(home)[3:]

    assert set(started[:2]) == {"start first", "start second"}
    assert started[2] == "start service"
    assert stopped[0] == "stop service"
    assert set(stopped[1:]) == {"stop first", "stop second"}


def test_urls_are_written_before_a_service_starts_and_removed_at_the_end(home: Path) -> None:
    reads = "while ! cat run/engines.json > seen; do sleep 0.02; done; touch reader.up; exec sleep 600"
    children = [sleeper(home, "engine"), toy(home, "reader", reads, stage=Stage.SERVICES)]

    with Supervisor(home, children, print, urls={"engine": "toy://here"}).running():
        mode = (home / "run" / "engines.json").stat().st_mode & 0o777

    assert json.loads((home / "seen").read_text()) == {"supervisor_pid": os.getpid(), "engine": "toy://here"}
    assert mode == 0o600
    assert not (home / "run" / "engines.json").exists()


def test_a_crashed_child_is_started_again_and_it_is_said(home: Path) -> None:
    said: list[str] = []

    with Supervisor(home, [sleeper(home, "toy")], said.append, back_off=SWIFT).running():
        os.kill(int(str(state_of(home, "toy")["pid"])), signal.SIGKILL)
        back = wait_for(lambda: "toy is back" in said[-1])
        after = state_of(home, "toy")

    assert back
    assert "toy was killed by SIGKILL; starting it again in 0.02 s" in said
    assert (after["state"], after["restarts"]) == ("healthy", 1)


@pytest.mark.slow
def test_a_child_that_keeps_failing_is_tried_for_ever_at_the_longest_interval(home: Path) -> None:
    said: list[str] = []
    script = "if [ -e failing ]; then exit 3; fi; touch toy.up; exec sleep 600"

    with Supervisor(home, [toy(home, "toy", script)], said.append, back_off=SWIFT).running():
        (home / "failing").touch()
        (home / "toy.up").unlink()
        os.kill(int(str(state_of(home, "toy")["pid"])), signal.SIGKILL)
        tried = wait_for(lambda: sum("trying again every 0.08 s" in line for line in said) >= 3)
        (home / "failing").unlink()
        back = wait_for(lambda: "toy is back" in said[-1])

    assert tried
    assert back
    assert [line for line in said if "status 3; starting it again in 0.04 s" in line]


def test_a_killed_wrapper_takes_its_program_along_and_both_come_back(home: Path) -> None:
    said: list[str] = []

    with Supervisor(home, [sleeper(home, "toy")], said.append, back_off=SWIFT).running():
        program = int(str(state_of(home, "toy")["pid"]))
        wrapper = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
        os.kill(wrapper, signal.SIGKILL)
        back = wait_for(lambda: "toy is back" in said[-1])
        old_is_gone = program not in alive_of(home)

    assert back
    assert old_is_gone


def test_a_child_that_never_gets_ready_fails_in_one_line_and_nothing_stays(home: Path) -> None:
    other = sleeper(home, "other")
    slow = toy(home, "slow", "echo cannot find it >&2; exec sleep 600", ready_within=timedelta(seconds=0.3))

    with pytest.raises(EngineFailed) as failure, Supervisor(home, [other, slow], print).running():
        pass

    assert str(failure.value) == (
        f"slow was not ready within 0.3 s: cannot find it (see {home / 'log' / 'slow.log'})"
    )
    assert not alive_of(home)


def test_a_missing_program_fails_in_one_line(home: Path) -> None:
    missing = Child("ghost", ("/no/such/program",), healthy=lambda: False, stage=Stage.ENGINES)

    with (
        pytest.raises(
            EngineFailed, match=r"ghost ended with status 127: cannot start /no/such/program: No such"
        ),
        Supervisor(home, [missing], print, back_off=SWIFT).running(),
    ):
        pass


@pytest.mark.slow
def test_who_does_not_hear_the_stop_signal_is_killed_with_its_descendants(home: Path) -> None:
    with Supervisor(home, [stubborn(home, "stubborn"), family(home, "family")], print).running():
        running = alive_of(home)

    assert len(running) >= 4
    assert not alive_of(home)


@pytest.mark.slow
def test_a_killed_supervisor_leaves_no_orphan_and_the_next_one_works(home: Path) -> None:
    supervisor = start_toys(home)
    running = alive_of(home)
    supervisor.kill()
    supervisor.communicate()

    all_gone = wait_for(lambda: not alive_of(home), seconds=10)
    again = start_toys(home)
    again.terminate()
    again.communicate()

    assert len(running) >= 8
    assert all_gone
    assert again.returncode == 0
    assert not alive_of(home)


@pytest.mark.slow
def test_the_next_supervisor_waits_for_what_a_killed_one_left(home: Path) -> None:
    said: list[str] = []
    supervisor = start_toys(home)
    supervisor.kill()
    supervisor.communicate()
    left = alive_of(home)

    with Supervisor(home, [stubborn(home, "stubborn")], said.append).running():
        still_there = left & alive_of(home)

    assert left
    assert said[0] == "stubborn: waiting for an earlier run to end"
    assert not still_there


@pytest.mark.slow
def test_a_signal_at_the_very_start_ends_everything(home: Path) -> None:
    for delay in (0.0, 0.05, 0.1, 0.2):
        supervisor = subprocess.Popen([sys.executable, "-m", "tests.embedded.toys", home], cwd=REPOSITORY)
        time.sleep(delay)
        supervisor.kill()
        supervisor.wait()

    assert wait_for(lambda: not alive_of(home), seconds=10)


def test_a_second_supervisor_on_the_same_home_says_so(home: Path) -> None:
    with Supervisor(home, [sleeper(home, "toy")], print).running():
        running = running_supervisor(home)
        with pytest.raises(EngineFailed) as failure, Supervisor(home, [], print).running():
            pass
        untouched = (home / "run" / "engines.json").exists()

    assert running == os.getpid()
    assert str(failure.value) == f"Segue is already running in {home} (process {os.getpid()})"
    assert untouched
    assert running_supervisor(home) is None


def test_an_unwritable_home_fails_in_one_line() -> None:
    with pytest.raises(EngineFailed, match=r"^cannot make the folder /proc/segue: "):
        Supervisor(Path("/proc/segue"), [], print).start()


def test_a_large_log_is_rotated_and_the_oldest_goes(tmp_path: Path) -> None:
    log = tmp_path / "toy.log"
    for content in ("oldest", "old", "new", "newest"):
        log.write_text(content)
        rotate(log, limit=2)

    assert [path.read_text() for path in sorted(tmp_path.iterdir())] == ["newest", "new"]
