import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.launching import NOWHERE, Place, real_python, wheel_in

PRETENDING = f"exec {real_python()} -c 'import sys; {{}}; exec(sys.argv[3])' \"$@\""
"""A Python that pretends: the launcher gives it -I, -c and the question."""

pytestmark = pytest.mark.slow


def only_line_of(ended: "subprocess.CompletedProcess[str]") -> str:
    """A refusal is one line, says who speaks, and sets a status."""
    last = ended.stderr.strip().splitlines()[-1]
    assert ended.returncode != 0
    assert "Traceback" not in ended.stderr
    assert last.startswith("segue: ")
    return last


def wait_until(what: "object", seconds: float = 30.0) -> None:
    assert callable(what)
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_the_first_start_installs_with_a_word_on_what_it_costs_and_then_runs(place: Place) -> None:
    ended = place.run("demo", "--exit")

    assert ended.returncode == 0, ended.stderr
    assert "hymn: 1.0" in ended.stdout
    assert "segue: installing 1 package, about 0.0 GB to fetch" in ended.stderr
    assert "segue: installed 2 packages" in ended.stderr


def test_the_next_start_needs_neither_python_on_the_path_nor_the_network(installed: Place) -> None:
    ended = installed.run("status", PATH="/usr/bin:/bin", SEGUE_PYTHON="/no/such/python", **NOWHERE)

    assert ended.returncode == 0
    assert ended.stderr == ""


def test_the_next_start_adds_next_to_nothing_to_python_itself(installed: Place) -> None:
    def seconds(*command: str) -> float:
        began = time.perf_counter()
        environment = installed.environment(PYTHONPATH=str(installed.root))
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    plain = min(seconds(str(installed.root / ".venv/bin/python"), "-P", "-m", "cli") for _ in range(5))
    launched = min(seconds(str(installed.root / "segue")) for _ in range(5))

    assert launched - plain < 0.1


def test_arguments_and_the_folder_of_the_user_reach_the_command_line_unchanged(installed: Place) -> None:
    ended = installed.run("import", "a file", "--as=$x *", "")

    assert "arguments: ['import', 'a file', '--as=$x *', '']" in ended.stdout
    assert f"path: {installed.root}" in ended.stdout
    assert "standing in: /\n" in ended.stdout


def test_a_link_to_the_launcher_leads_to_the_repository(installed: Place, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "segue").symlink_to("../second")
    (tmp_path / "second").symlink_to(installed.root / "segue")

    ended = subprocess.run(
        ["segue", "demo"],
        env=installed.environment() | {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert f"path: {installed.root}" in ended.stdout


def test_a_package_of_ours_by_the_same_name_in_the_users_folder_is_not_run(
    installed: Place, tmp_path: Path
) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text("print('somebody else')")

    ended = subprocess.run(
        [installed.root / "segue"],
        env=installed.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "hymn: 1.0" in ended.stdout


def test_it_works_without_a_home(begun: Place) -> None:
    environment = begun.environment()
    del environment["HOME"]

    ended = subprocess.run(
        [begun.root / "segue", "demo"], env=environment, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr


def test_tests_and_checks_install_the_extras_too_and_name_the_build_of_torch_first(begun: Place) -> None:
    psalm, torch = (
        wheel_in(begun.house, "psalm", "1.0"),
        wheel_in(begun.house, "torch", "2.13.0+cpu", megabytes=3),
    )
    begun.lock_extras(psalm, beside="torch==2.13.0")

    core = begun.run("demo")
    ended = begun.run("test")
    again = begun.run("check", **NOWHERE)

    assert "torch" not in core.stderr
    assert (
        f"segue: installing torch 2.13.0+cpu (CPU build, {torch.stat().st_size / 1e6:.0f} MB)" in ended.stderr
    )
    assert ended.stderr.index("torch") < ended.stderr.index("segue: installed 1 package")
    assert (again.returncode, again.stderr) == (0, "")


def test_install_only_installs_and_knows_one_option(installed: Place) -> None:
    ended, mistaken = installed.run("install"), installed.run("install", "--all")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert "everything is installed" in ended.stderr
    assert only_line_of(mistaken) == "segue: install knows one option, --extras"


def test_a_python_that_does_not_run_is_passed_over(place: Place) -> None:
    place.python("python3.12", "echo 'not found' >&2; exit 127")
    place.python("python3.11", f'exec {real_python()} "$@"')

    ended = place.run("demo")

    assert ended.returncode == 0, ended.stderr


def test_wrong_pythons_are_named_with_what_is_wrong(place: Place) -> None:
    place.python("python3.12", "exit 127")
    place.python("python3", PRETENDING.format("sys.version_info = (3, 9, 2)"))

    ended = place.run("demo", PATH=f"{place.pythons}:{tools_without_python(place)}")

    line = only_line_of(ended)
    assert "needs Python 3.11 or 3.12" in line
    assert f"{place.pythons}/python3.12 does not run" in line
    assert f"{place.pythons}/python3 is Python 3.9.2" in line


def test_no_python_at_all_is_one_line(place: Place) -> None:
    ended = place.run("demo", PATH=tools_without_python(place))

    assert "finds none; install one, or set SEGUE_PYTHON" in only_line_of(ended)


def test_a_python_without_venv_is_told_how_to_get_it(begun: Place) -> None:
    begun.python("python3.12", PRETENDING.format('sys.modules["ensurepip"] = None'))

    ended = begun.run("demo", PATH=f"{begun.pythons}:{tools_without_python(begun)}")

    assert "without venv (on Debian: apt install python3.1" in only_line_of(ended)


def test_a_named_python_that_will_not_do_is_refused(place: Place) -> None:
    ended = place.run("demo", SEGUE_PYTHON="/no/such/python")

    assert only_line_of(ended) == (
        "segue: SEGUE_PYTHON=/no/such/python does not run; Segue needs Python 3.11 or 3.12"
    )


def test_no_network_is_one_line(place: Place) -> None:
    ended = place.run("demo", **NOWHERE)

    assert "the package index cannot be reached: the first start needs the network, once" in only_line_of(
        ended
    )


def test_a_failed_start_is_made_good_by_the_next(begun: Place) -> None:
    offline = begun.run("demo", **NOWHERE)

    online = begun.run("demo")

    assert offline.returncode != 0
    assert online.returncode == 0, online.stderr


def test_a_package_that_was_changed_is_not_installed(begun: Place) -> None:
    wheel_in(begun.house, "hymn", "1.0", megabytes=0.001)

    ended = begun.run("demo")

    assert "hymn is not the package that the lock names" in only_line_of(ended)
    assert not list(begun.root.glob(".venv/lib/*/site-packages/hymn.py"))


def test_a_package_without_a_build_for_this_machine_is_named(begun: Place) -> None:
    (begun.house / "hymn-1.0-py3-none-any.whl").unlink()
    wheel_in(begun.house, "hymn", "0.9")

    ended = begun.run("demo")

    assert "no build of hymn==1.0 for Python 3.1" in only_line_of(ended)


def test_a_disk_without_room_is_found_before_anything_is_fetched(place: Place) -> None:
    place.lock(wheel_in(place.house, "hymn", "1.0"), megabytes=9e9)

    ended = place.run("demo")

    assert "the disk is too full: installing takes" in only_line_of(ended)
    assert not (place.root / ".venv").exists()


def test_an_environment_that_is_not_ours_is_left_alone(place: Place) -> None:
    python = place.root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)

    ended = place.run("demo")

    assert "is not ours" in only_line_of(ended)
    assert python.exists()


def test_an_environment_whose_python_has_gone_is_made_again(begun: Place) -> None:
    begun.run("install")
    python = begun.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/no/such/python")

    ended = begun.run("demo")

    assert ended.returncode == 0, ended.stderr


def test_a_changed_lock_changes_what_is_installed(begun: Place) -> None:
    begun.run("install")
    begun.lock(wheel_in(begun.house, "hymn", "2.0"))

    ended = begun.run("demo")

    assert "hymn: 2.0" in ended.stdout


def test_a_package_left_halfway_is_installed_again(begun: Place) -> None:
    begun.run("install")
    site = next(begun.root.glob(".venv/lib/*/site-packages"))
    (begun.root / ".venv" / "installed.lock").unlink()
    (site / "hymn-1.0.dist-info" / "INSTALLER").unlink()
    (site / "hymn.py").unlink()

    ended = begun.run("demo")

    assert "hymn: 1.0" in ended.stdout


@pytest.mark.parametrize("moment", [0.1, 1.0, 2.5])
def test_an_install_that_was_killed_is_finished_by_the_next_start(place: Place, moment: float) -> None:
    started = place.start("demo")
    wait_until((place.root / ".venv").exists)
    time.sleep(moment)
    os.killpg(started.pid, signal.SIGKILL)
    started.communicate()

    ended = place.run("demo")

    assert ended.returncode == 0, ended.stderr
    assert "hymn: 1.0" in ended.stdout


def test_ctrl_c_stops_everything_and_says_so(place: Place) -> None:
    started = place.start("demo")
    wait_until((place.root / ".venv" / "install.log").exists)
    os.killpg(started.pid, signal.SIGINT)
    _, complained = started.communicate(timeout=20)

    ended = place.run("demo")

    assert started.returncode in {130, -signal.SIGINT}  # the shell may end by the signal too
    assert complained.strip().splitlines()[-1] == "segue: interrupted; the next start goes on from here"
    assert "another start" not in ended.stderr
    assert ended.returncode == 0, ended.stderr


def test_two_starts_at_once_install_once(place: Place) -> None:
    first = place.start("demo")
    wait_until((place.root / ".venv").exists)

    second = place.run("demo")
    said, _ = first.communicate(timeout=60)

    assert (first.returncode, second.returncode) == (0, 0)
    assert "hymn: 1.0" in said
    assert second.stderr == "segue: another start is installing; waiting for it\n"


def tools_without_python(place: Place) -> str:
    """A folder with what the launcher runs, and no Python beside."""
    folder = place.pythons.parent / "tools"
    folder.mkdir()
    for name in ("cmp", "readlink", "dirname"):
        found = next(path for path in (Path("/usr/bin") / name, Path("/bin") / name) if path.exists())
        (folder / name).symlink_to(found)
    return str(folder)
