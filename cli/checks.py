"""What `segue check` and `segue test` run: every rule of this code base, then its tests, as CI does."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIDE_BY_SIDE = 2
"""mypy, the longest, takes two cores by itself; the others fit in beside it."""


@dataclass(frozen=True, slots=True)
class Check:
    """A tool of our environment, run in the repository; status 0 is a pass."""

    name: str
    arguments: tuple[str, ...]

    def run(self) -> "Outcome":
        began = time.monotonic()
        ended = subprocess.run(
            [sys.executable, *self.arguments],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Outcome(self.name, ended.returncode == 0, time.monotonic() - began, ended.stdout.strip())


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    is_pass: bool
    seconds: float
    said: str

    @property
    def line(self) -> str:
        return f"{self.name:<12} {'ok' if self.is_pass else 'FAILED':<7} {self.seconds:5.1f} s"


CHECKS = (
    Check("mypy", ("-m", "mypy")),
    Check("imports", ("-c", "from importlinter.cli import lint_imports_command as run; run()")),
    Check("rules", ("-m", "tests.architecture.rules")),
    Check("ruff", ("-m", "ruff", "check")),
    Check("format", ("-m", "ruff", "format", "--check", "--diff")),
    Check("codespell", ("-m", "codespell_lib")),
)


def main(checks: Sequence[Check] = CHECKS) -> int:
    """Run all of them, the longest first; one line each, and at the end what the failing ones said."""
    began = time.monotonic()
    failed: list[Outcome] = []
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        for each in as_completed([pool.submit(check.run) for check in checks]):
            outcome = each.result()
            say(outcome.line)
            if not outcome.is_pass:
                failed.append(outcome)
    for outcome in failed:
        say(f"\n--- {outcome.name} ---\n{outcome.said}")
    said = f"{len(failed)} of {len(checks)} checks failed" if failed else f"all {len(checks)} checks pass"
    say(f"{said}, in {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def test(arguments: Sequence[str]) -> int:
    """Become pytest in the repository: signals reach it, and so every engine it started is stopped."""
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])


def say(text: str) -> None:
    print(text, flush=True)
