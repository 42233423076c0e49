"""A real Airflow runs the chain to its end: jobs with a time are started, each other job follows what it reads."""

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from cli.airflow import USER
from cli.imports import import_with_progress
from embedded.state import running_supervisor
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.engines.vectors import open_vectors
from pipelines.catalog import JOBS, TABLES, in_order
from pipelines.live import PUBLISHES
from pipelines.world.world import make_world
from tests.journeys.conftest import Platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

CHAIN_WITHIN = 420  # seconds, on two cores that have other work; some 60 where they have none
SERVED_WITHIN = 30
ENDED_WITHIN = 30


class Airflow:
    """Spoken to by its REST API, as its own user."""

    def __init__(self, platform: Platform) -> None:
        address = foundation_settings.running_engines(platform.settings)["airflow"]
        password = json.loads((platform.home / "airflow" / "passwords.json").read_text())[USER]
        self.client = httpx.Client(base_url=address, timeout=60)
        sign_in = self.client.post("/auth/token", json={"username": USER, "password": password})
        sign_in.raise_for_status()
        self.client.headers["Authorization"] = f"Bearer {sign_in.json()['access_token']}"

    def read(self, path: str) -> Any:
        return self.client.get(f"/api/v2/{path}").raise_for_status().json()

    def wait_for_dags(self) -> None:
        give_up = time.monotonic() + 60
        while not {job.writes for job in JOBS} <= {dag["dag_id"] for dag in self.read("dags")["dags"]}:
            assert time.monotonic() < give_up, self.read("importErrors")
            time.sleep(0.5)

    def trigger(self, name: str) -> None:
        self.client.patch(f"/api/v2/dags/{name}", json={"is_paused": False}).raise_for_status()
        self.client.post(f"/api/v2/dags/{name}/dagRuns", json={"logical_date": None}).raise_for_status()

    def wait_for(self, name: str, within: float) -> None:
        """Return when a run of this DAG has succeeded; fail with the words of the task that failed."""
        give_up = time.monotonic() + within
        while True:
            runs = self.read("dags/~/dagRuns")["dag_runs"]
            if any(run["state"] == "success" for run in runs if run["dag_id"] == name):
                return
            states = [(run["dag_id"], run["state"]) for run in runs]
            lost = [job for job, state in states if state == "failed"]
            assert not lost, self.words(lost[0])
            assert time.monotonic() < give_up, (states, [self.words(job) for job, _ in states])
            time.sleep(1)

    def words(self, name: str) -> list[str]:
        """What the newest try of a job said in its task's log."""
        run = self.read(f"dags/{name}/dagRuns?order_by=-run_after&limit=1")["dag_runs"][0]["dag_run_id"]
        path = f"dags/{name}/dagRuns/{run}/taskInstances/run"
        tries = self.read(path)["try_number"]
        return [line["event"] for line in self.read(f"{path}/logs/{max(tries, 1)}")["content"]]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("airflow"))
    try:
        platform.segue("up", "--detach", "--port", "0", "--with", "airflow")
        yield platform
    finally:
        platform.segue("down")


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Iterator[Airflow]:
    airflow = Airflow(platform)
    airflow.wait_for_dags()
    yield airflow
    airflow.client.close()


def test_the_chain_runs_to_its_end_and_what_it_published_is_served(platform: Platform, airflow: Airflow):
    world = make_world(
        np.random.default_rng(1), listeners=120, songs=400, days=30, until=utc_now() - timedelta(hours=1)
    )
    import_with_progress(platform.settings, world.history)
    vectors = open_vectors(platform.settings.engines.vectors)
    assert vectors.current("songs") is None

    for job in JOBS:
        if TABLES.issuperset(job.reads):
            airflow.trigger(job.writes)
    for job in in_order():
        airflow.wait_for(job.writes, CHAIN_WITHIN)

    published = vectors.current("songs")
    assert published is not None
    assert (
        served_version(platform, f"world:{world.history.listeners['external_id'][0]}", published) == published
    )


def test_a_run_that_another_one_set_off_works_for_the_moment_when_that_one_ended(airflow: Airflow):
    run = airflow.read(f"dags/{PUBLISHES}/dagRuns")["dag_runs"][0]

    assert run["run_type"] == "asset_triggered"
    assert any(
        f"-m pipelines {PUBLISHES} --at '{run['run_after'][:19]}" in line for line in airflow.words(PUBLISHES)
    )


def test_what_a_job_says_stands_in_the_log_of_its_task(airflow: Airflow):
    for job in JOBS:
        said = airflow.words(job.writes)

        assert any(line.startswith(f"{job.writes}  ") for line in said), said
        assert "Command exited with return code 0" in said


def test_nobody_comes_in_without_the_password(airflow: Airflow):
    anonymous = httpx.get(f"{airflow.client.base_url}/api/v2/dags")
    guessed = httpx.post(
        f"{airflow.client.base_url}/auth/token", json={"username": USER, "password": "admin"}
    )

    assert (anonymous.status_code, guessed.status_code) == (401, 401)


def test_nothing_of_airflow_outlives_a_supervisor_that_is_killed(platform: Platform, airflow: Airflow):
    supervisor = running_supervisor(platform.home)
    assert supervisor is not None
    family = psutil.Process(supervisor).children(recursive=True)
    assert sum("airflow" in " ".join(words(process)) for process in family) >= len(
        ("api", "scheduler", "dags")
    )

    os.kill(supervisor, signal.SIGKILL)

    _, left = psutil.wait_procs(family, timeout=ENDED_WITHIN)
    assert left == []


def words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def served_version(platform: Platform, listener: str, published: str) -> str:
    """The version that answers this listener, once the API has had time to see the newest."""
    give_up = time.monotonic() + SERVED_WITHIN
    with platform.client(listener) as client:
        while True:
            answer = client.get("/recommendations", params={"limit": 5})
            if answer.status_code == httpx.codes.OK and answer.json()["version"] == published:
                return published
            assert time.monotonic() < give_up, answer.text
            time.sleep(0.2)
