"""Every notebook runs from its first cell to its last on a living platform."""

from pathlib import Path

import pytest

from foundation.settings import REPOSITORY
from tests.journeys.conftest import Platform

NOTEBOOKS = sorted((REPOSITORY / "notebooks").glob("*.ipynb"))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_the_notebook_runs(path: Path, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("SEGUE_HOME", str(platform.home))
    notebook = nbformat.read(path, as_version=4)

    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(REPOSITORY)}}).execute()

    assert all(cell.get("execution_count") for cell in notebook.cells if cell.cell_type == "code")
