"""Every job has its DAG, made from the catalogue alone; reading them costs a scheduler next to nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.catalog import JOBS, TABLES, Job
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow  # Airflow takes seconds to import

EACH = pytest.mark.parametrize("job", JOBS, ids=[each.writes for each in JOBS])
HEAVY = {"polars", "numpy", "pandas", "torch", "duckdb", "pyspark", "mlflow", "foundation", "models"}
PARSED_WITHIN = 0.2  # seconds of computing


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.dags.reading"],
        cwd=REPOSITORY,
        env={"PATH": os.defpath, "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow"))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout.splitlines()[-1]))


def test_every_file_is_read_without_an_error(read: dict[str, Any]):
    assert read["errors"] == {}


def test_every_job_has_its_dag_and_one_more_runs_them_all(read: dict[str, Any]):
    assert set(read["dags"]) == {each.writes for each in JOBS} | {"everything"}


def test_reading_them_loads_nothing_but_the_catalogue(read: dict[str, Any]):
    assert read["loaded"] == ["dags", "pipelines"]
    assert HEAVY.isdisjoint(read["all"])


def test_reading_them_takes_a_fifth_of_a_second_at_most(read: dict[str, Any]):
    assert read["seconds"] < PARSED_WITHIN


@EACH
def test_a_job_runs_at_its_time_or_when_all_it_reads_has_changed(read: dict[str, Any], job: Job):
    dag = read["dags"][job.writes]

    if job.cron:
        assert (dag["cron"], dag["after"]) == (job.cron, [])
    else:
        assert set(dag["after"]) == set(job.reads) - TABLES
        assert dag["after"] or dag["cron"]  # a job that reads tables alone has a time


@EACH
def test_a_dag_runs_once_at_a_time_and_makes_up_for_nothing(read: dict[str, Any], job: Job):
    dag = read["dags"][job.writes]

    assert dag["max_active_runs"] == 1
    assert dag["catchup"] is False
    assert dag["tags"] == ["segue"]
    assert job.does in dag["about"]


@EACH
def test_a_task_is_the_command_line_of_its_job(read: dict[str, Any], job: Job):
    task = read["dags"][job.writes]["tasks"]["run"]

    assert f"-m pipelines {job.writes} --at '{{{{ dag_run.run_after.isoformat() }}}}'" in task["command"]
    assert task["limit"] == job.limit.total_seconds()
    assert task["writes"] == [job.writes]
    assert task["retries"] > 0
    assert task["pause"] > 0


@EACH
def test_in_the_run_of_everything_a_job_waits_for_those_it_reads(read: dict[str, Any], job: Job):
    task = read["dags"]["everything"]["tasks"][job.writes]

    assert set(task["after"]) == set(job.reads) - TABLES
    assert task["limit"] == job.limit.total_seconds()
    assert task["writes"] == []  # or the other DAGs would do the work again


def test_only_files_that_declare_dags_are_offered_to_a_scheduler():
    ignored = Path(REPOSITORY, "dags", ".airflowignore").read_text().split()

    offered = {path.name for path in Path(REPOSITORY, "dags").glob("*.py") if not path.name.startswith("_")}

    assert "_*.py" in ignored
    assert offered == {"catalogue.py", "everything.py"}
