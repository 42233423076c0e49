"""A throw-away Segue: the launcher and the installer of the repository, with toy packages and a toy command line."""

import base64
import ensurepip
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_RETRIES": "1",
    "PIP_NO_INDEX": "",
    "PIP_FIND_LINKS": "",
}
TOY_COMMAND_LINE = """\
import os, sys
print("arguments:", sys.argv[1:])
print("path:", sys.path[0])
print("standing in:", os.getcwd())
import hymn
print("hymn:", hymn.VERSION)
"""


def real_python() -> str:
    return str(Path(sys._base_executable).resolve())  # type: ignore[attr-defined]


def bundled_pip() -> Path:
    folders = [Path(ensurepip.__file__).parent / "_bundled", sysconfig.get_config_var("WHEEL_PKG_DIR")]
    return max(wheel for folder in folders if folder for wheel in Path(folder).glob("pip-*.whl"))


def wheel_in(house: Path, name: str, version: str, megabytes: float = 0.0) -> Path:
    """A wheel with one module that knows its version, filled up to a size."""
    contents = {
        f"{name}.py": f"VERSION = {version!r}\n".encode(),
        f"{name}.bin": os.urandom(int(megabytes * 1e6)),
        f"{name}-{version}.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{name}-{version}.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = f"{name}-{version}.dist-info/RECORD"
    rows = [f"{path},sha256={digest_in_record(body)},{len(body)}" for path, body in contents.items()]
    contents[record] = "\n".join([*rows, f"{record},,", ""]).encode()
    wheel = house / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, body in contents.items():
            archive.writestr(path, body)
    return wheel


def digest_in_record(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def lock_of(*wheels: Path, megabytes: float = 0.1, beside: str | None = None) -> str:
    lines = [f"# beside: {beside}"] if beside else []
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += [f"# {megabytes:.1f} MB", f"{name}=={version} \\", f"    --hash=sha256:{digest}"]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Place:
    """Where this Segue lies, and the machine it thinks it is on."""

    root: Path
    house: Path
    pythons: Path

    @property
    def log(self) -> str:
        return (self.root / ".venv" / "install.log").read_text()

    def lock(self, *wheels: Path, **more: float) -> None:
        (self.root / "requirements.lock").write_text(lock_of(bundled_pip(), *wheels, **more))

    def lock_extras(self, *wheels: Path, beside: str | None = None) -> None:
        (self.root / "requirements-extras.lock").write_text(lock_of(*wheels, beside=beside))

    def python(self, name: str, script: str) -> None:
        fake = self.pythons / name
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o755)

    def environment(self, **more: str) -> dict[str, str]:
        return {
            "PATH": f"{self.pythons}:/usr/sbin:/sbin:/usr/bin:/bin",
            "HOME": str(self.root.parent),
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.house.as_uri(),
            **more,
        }

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.root / "segue"), *arguments],
            cwd="/",
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
        started = self.start(*arguments, **more)
        said, complained = started.communicate(timeout=120)
        return subprocess.CompletedProcess(started.args, started.returncode, said, complained)


def place_like(template: Place, folder: Path) -> Place:
    """The same with its `.venv`, which names no folder: making one for each test would take most of the time."""
    shutil.copytree(template.root.parent, folder, dirs_exist_ok=True, symlinks=True)
    return Place(folder / "a place", folder / "house", folder / "pythons")


def place_in(folder: Path) -> Place:
    """With a good Python 3.11 or 3.12 first on the PATH, and `hymn` 1.0 in the lock."""
    root, house, pythons = folder / "a place", folder / "house", folder / "pythons"
    for path in (root / "cli", house, pythons):
        path.mkdir(parents=True)
    shutil.copy(ROOT / "segue", root)
    shutil.copytree(ROOT / "tools", root / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "cli" / "__init__.py").touch()
    (root / "cli" / "__main__.py").write_text(TOY_COMMAND_LINE)
    shutil.copy(bundled_pip(), house)
    place = Place(root, house, pythons)
    place.python("python3.12", f'exec {real_python()} "$@"')
    place.lock(wheel_in(house, "hymn", "1.0"))
    place.lock_extras(wheel_in(house, "psalm", "1.0"))
    return place
