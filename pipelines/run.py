"""Runs jobs by name, one or all in the order of what they read."""

import importlib
import time
from collections.abc import Iterator
from dataclasses import dataclass

from foundation.errors import Problem
from pipelines import catalog
from pipelines.context import Context


class UnknownJob(Problem):
    """No job has that name."""

    status, title = 404, "There is no such job"


class NotOfListeners(Problem):
    """A job that does all or nothing was asked for some listeners."""

    status, title = 422, "This job is not of single listeners"


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a run did, and how long it took."""

    name: str
    version: str
    changed: bool  # False: what the job writes was there already
    summary: str
    seconds: float


def run(name: str, context: Context) -> JobResult:
    """Run one job. Raises UnknownJob, NotOfListeners, or whatever Problem keeps the job from its work."""
    if name not in {job.writes for job in catalog.JOBS}:
        known = ", ".join(job.writes for job in catalog.JOBS)
        raise UnknownJob(f"there is no job {name!r}; there are {known}", job=name)
    if context.listeners is not None and not catalog.job(name).is_of_listeners:
        able = ", ".join(job.writes for job in catalog.JOBS if job.is_of_listeners)
        raise NotOfListeners(f"{name} is run for everyone; for some listeners run {able}", job=name)
    began = time.monotonic()
    outcome = importlib.import_module(f"pipelines.jobs.{name}.job").run(context)
    return JobResult(name, outcome.version, outcome.changed, outcome.summary, time.monotonic() - began)


def run_all(context: Context) -> Iterator[JobResult]:
    """Run every job after those it reads, and give each result as it comes."""
    for job in catalog.in_order():
        yield run(job.writes, context)
