"""Makes DAGs and tasks of a job as the catalogue describes it; a task is the job's command line in its own process."""

import shlex
import sys
from datetime import timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset

from pipelines.catalog import JOBS, Job, in_order

NIGHTLY = "0 2 * * *"  # of a job that reads tables only and names no time: tables are no assets
TAG = "segue"
RETRIES, PAUSE = 3, timedelta(minutes=1)  # an engine that is starting again is back by then


def dag_for(job: Job) -> DAG:
    """The DAG that runs this job alone, and tells the jobs that wait for what it writes.

    Without a start date the first run is at the next time due, not at once on a platform that is still empty;
    later, of the times that passed while the scheduler was away, the last is made up for.
    """
    when = schedule(job)
    starts = f"at `{when}` (UTC)" if isinstance(when, str) else "when all of these have changed"
    with DAG(
        job.writes,
        description=job.does,
        doc_md=f"{job.does}\n\nReads {', '.join(job.reads)}; runs {starts}. By hand: `./segue job {job.writes}`.",
        schedule=when,
        catchup=False,
        max_active_runs=1,
        tags=[TAG],
    ) as dag:
        task(job, named="run", outlets=[Asset(job.writes)])
    return dag


def dag_of_everything() -> DAG:
    """Every job after those it reads, in one run that is started by hand.

    Its tasks are no news to the DAGs above: they would do the same work again.
    """
    with DAG(
        "everything",
        description="Runs every job, each after those it reads.",
        doc_md="Runs every job, each after those it reads. Started by hand; `./segue job --all` does the same.",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        tags=[TAG],
    ) as dag:
        tasks = {job.writes: task(job, named=job.writes) for job in in_order()}
        for job in JOBS:
            for name in written(job):
                tasks[name].set_downstream(tasks[job.writes])
    return dag


def schedule(job: Job) -> str | list[Asset]:
    """The job's own time, or all that other jobs write for it."""
    if job.cron is not None:
        return job.cron
    return [Asset(name) for name in written(job)] or NIGHTLY


def written(job: Job) -> list[str]:
    """What it reads that other jobs write; the rest of it are tables."""
    jobs = {each.writes for each in JOBS}
    return [name for name in job.reads if name in jobs]


def task(job: Job, *, named: str, outlets: list[Asset] | None = None) -> BashOperator:
    """Runs `python -m pipelines NAME` with the interpreter that read this file.

    `run_after` is there for every kind of run; a run that assets start has no logical date.
    """
    python, name = shlex.quote(sys.executable), shlex.quote(job.writes)
    return BashOperator(
        task_id=named,
        owner=TAG,
        bash_command=f"exec {python} -m pipelines {name} --at '{{{{ dag_run.run_after.isoformat() }}}}'",
        skip_on_exit_code=None,  # every status but 0 is a failure
        execution_timeout=job.limit,
        retries=RETRIES,
        retry_delay=PAUSE,
        doc_md=job.does,
        outlets=outlets,
    )
