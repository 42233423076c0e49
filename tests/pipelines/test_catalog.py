"""The list of jobs is whole, true, and costs a scheduler nothing to read."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.catalog import JOBS, TABLES, Job, in_order, job
from tests.conftest import REPOSITORY

FOLDER = Path(REPOSITORY, "pipelines", "jobs")


def test_every_folder_of_a_job_is_in_the_list_and_the_other_way_round():
    folders = {path.parent.name for path in FOLDER.glob("*/job.py")}

    assert folders == {each.writes for each in JOBS}


@pytest.mark.parametrize("name", [each.writes for each in JOBS])
def test_a_job_is_called_as_it_is_listed(name: str):
    module = importlib.import_module(f"pipelines.jobs.{name}.job")

    assert name == module.NAME
    assert callable(module.run)
    assert callable(module.build)


def test_what_a_job_reads_is_a_table_or_what_another_job_writes():
    written = {each.writes for each in JOBS}

    assert all(set(each.reads) <= written | TABLES for each in JOBS)


def test_jobs_that_wait_for_each_other_are_refused():
    with pytest.raises(ValueError, match="wait for each other"):
        in_order((Job("hen", ("egg",), "Lays."), Job("egg", ("hen",), "Hatches.")))


def test_a_job_is_found_by_name():
    assert job("als_model").reads == ("interactions", "songs")


def test_reading_the_list_loads_nothing_but_the_standard_library():
    script = "import pipelines.catalog, sys; print(*{name.partition('.')[0] for name in sys.modules})"

    ran = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )

    assert set(ran.stdout.split()) <= set(sys.stdlib_module_names) | {"pipelines", "__main__"}


@pytest.mark.parametrize(
    "path", sorted(FOLDER.glob("*/*.sql")), ids=lambda path: f"{path.parent.name}/{path.stem}"
)
def test_a_query_begins_with_what_a_row_means(path: Path):
    assert path.read_text().startswith("-- One row")
