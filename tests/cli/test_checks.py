import subprocess
import sys

import pytest

from cli.checks import CHECKS, ROOT, Check, main

PASSES = Check("passes", ("-c", "print('all is well')"))
FAILS = Check("fails", ("-c", "print('line 7 is wrong'); raise SystemExit(2)"))


def test_checks_that_pass_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    status = main([PASSES, PASSES])

    said = capsys.readouterr().out
    assert status == 0
    assert said.count("passes       ok") == 2
    assert "all is well" not in said
    assert "all 2 checks pass" in said


def test_a_check_that_fails_says_what_is_wrong_and_fails_the_whole(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status = main([FAILS, PASSES])

    said = capsys.readouterr().out
    assert status == 1
    assert "fails        FAILED" in said
    assert "line 7 is wrong" in said
    assert "1 of 2 checks failed" in said


def test_every_check_is_of_a_tool_that_is_installed() -> None:
    modules = {check.arguments[1] for check in CHECKS if check.arguments[0] == "-m"}

    assert modules == {"mypy", "ruff", "codespell_lib", "tests.architecture.rules"}


@pytest.mark.slow
def test_segue_test_becomes_pytest_in_the_repository() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "from cli import checks; checks.test(['--version'])"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0
    assert "pytest" in ended.stdout + ended.stderr
