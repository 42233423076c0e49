import re
from pathlib import Path

import pytest

from tools.lock import needed_part
from tools.pins import Lock, Pin, shared_out

ROOT = Path(__file__).resolve().parents[2]
EITHER = "(sys_platform == 'darwin' or sys_platform == 'linux')"
REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+)(\[\w+\])?(\S*)(  # .{8,})?$")


def requirements_in(name: str) -> list[tuple[str, str]]:
    """The direct requirements, each with what its comment says."""
    found = [REQUIREMENT.match(line) for line in (ROOT / name).read_text().splitlines()]
    return [(each[1], each[4] or "") for each in found if each]


@pytest.mark.parametrize("name", ["requirements.in", "requirements-extras.in"])
def test_every_direct_requirement_says_why_it_is_there(name: str) -> None:
    unexplained = [requirement for requirement, why in requirements_in(name) if not why]

    assert len(requirements_in(name)) > 10
    assert unexplained == []


@pytest.mark.parametrize("name", ["requirements", "requirements-extras"])
def test_a_lock_holds_every_direct_requirement_and_a_hash_for_every_pin(name: str) -> None:
    lock = Lock.read(ROOT / f"{name}.lock")

    core = Lock.read(ROOT / "requirements.lock")
    pinned = {pin.name for pin in (*lock.pins, *core.pins)} | {str(lock.beside).split("==")[0]}
    assert {requirement for requirement, _ in requirements_in(f"{name}.in")} <= pinned
    assert [pin.name for pin in lock.pins if "--hash=sha256:" not in pin.text] == []


def test_the_extras_bring_neither_a_core_package_nor_what_differs_by_machine() -> None:
    core = {pin.name for pin in Lock.read(ROOT / "requirements.lock").pins}
    extras = Lock.read(ROOT / "requirements-extras.lock")

    names = {pin.name for pin in extras.pins}

    assert names & core == set()
    assert not [
        name for name in names if name.startswith(("nvidia-", "cuda-")) or name in {"torch", "triton"}
    ]
    assert extras.beside == "torch==2.13.0"


def test_shares_take_about_as_long() -> None:
    first, second = shared_out(Lock.read(ROOT / "requirements.lock").pins)

    work = [sum(pin.megabytes for pin in share) for share in (first, second)]

    assert max(work) < 1.2 * min(work)
    assert abs(len(first) - len(second)) < 40


def test_nothing_is_lost_in_sharing_out() -> None:
    pins = [Pin(f"p{number}", "1", f"p{number}==1\n", float(number)) for number in range(7)]

    shares = shared_out(pins)

    assert sorted(pin.name for share in shares for pin in share) == [pin.name for pin in pins]


@pytest.mark.parametrize(
    ("marker", "kept"),
    [
        (f"python_full_version < '3.13' and platform_python_implementation == 'CPython' and {EITHER}", ""),
        (
            "python_full_version < '3.12' and platform_python_implementation == 'CPython'",
            "python_full_version < '3.12'",
        ),
        ("python_full_version < '3.13' and sys_platform == 'darwin'", "sys_platform == 'darwin'"),
    ],
)
def test_a_marker_keeps_only_what_does_not_hold_everywhere(marker: str, kept: str) -> None:
    left = needed_part(f" ; {marker}")

    assert left == (f" ; {kept}" if kept else "")
