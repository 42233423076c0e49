import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
FORBIDDEN = {
    "foundation/extra.py": ("import models", "Packages import downwards only"),
    "serving/extra.py": ("import catalog_api", "Packages import downwards only"),
    "event_log/extra.py": ("import warehouse", "Packages import downwards only"),
    "catalog_api/extra.py": ("import numpy", "The catalogue never computes"),
    "models/als/extra.py": ("import httpx", "Numerics know no engine"),
    "models/evaluation/extra.py": ("import mlflow", "models/registry.py is the only file"),
    "feature_store/extra.py": ("import redis", "Clients of engines appear only"),
    "pipelines/extra.py": ("import embedded", "Nothing above embedded starts an engine"),
}


def linted(root: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
        ],
        cwd=root,
        env={"PYTHONPATH": str(root), "HOME": str(root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("imports")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.slow
def test_every_contract_is_kept() -> None:
    said = linted(ROOT)

    assert said.returncode == 0, said.stdout
    assert " 0 broken" in said.stdout


def test_every_top_level_package_is_under_the_contracts() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {
        "tests",
        "tools",
        "bench",
        "notebooks",
    }

    assert found == set(PACKAGES)


@pytest.mark.slow
@pytest.mark.parametrize("where", FORBIDDEN)
def test_an_import_against_the_order_breaks_the_contract(copy_of_ours: Path, where: str) -> None:
    line, contract = FORBIDDEN[where]
    extra = copy_of_ours / where
    extra.write_text(f'"""Breaks the order."""\n\n{line}\n')

    said = linted(copy_of_ours)
    extra.unlink()

    assert said.returncode != 0
    assert any(contract in each and "BROKEN" in each for each in said.stdout.splitlines()), said.stdout
