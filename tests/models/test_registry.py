"""Models are registered once, half-told runs are replaced, and MLflow tells nobody."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from foundation.engines.blobs import open_blobs
from foundation.errors import Unreachable
from models.registry import Card, Registry, open_registry, page_environment
from tests.conftest import REPOSITORY, Engines

pytestmark = pytest.mark.slow

CARD = Card(
    version="a1",
    trained_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    took=timedelta(seconds=3),
    data_version="d1",
    data_url="file:///blobs/interactions/d1",
    data_since=datetime(2026, 1, 1, tzinfo=UTC),
    data_until=datetime(2026, 3, 1, 11, tzinfo=UTC),
    factors_url="file:///blobs/als_model/a1",
    counts={"rows": 12, "listeners": 3},
    parameters={"members": "16+32", "alpha": 7.0},
    metrics={"recall_20": 0.25},
    seconds={"training": 2.5},
    is_passed=True,
    reason="better than most popular",
    judged_by="what came later",
    plots={"quality.png": b"a picture"},
)


@pytest.fixture(scope="module")
def registry(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    url = f"file://{tmp_path_factory.mktemp('blobs')}"
    return open_registry(engines.postgres, open_blobs(url), url)


def test_the_same_version_is_registered_once(registry: Registry):
    names = [registry.register("once", CARD) for _ in range(2)]
    other = registry.register("once", replace(CARD, version="a2"))

    assert names == ["once/1", "once/1"]
    assert other == "once/2"
    assert registry.registered("once", "a2") == "once/2"
    assert registry.registered("once", "a3") is None


def test_the_run_tells_what_the_card_does(registry: Registry):
    registry.register("told", CARD)

    (run,) = runs_of("told", registry)
    folder = run.info.artifact_uri.removeprefix(registry.blobs_url + "/")
    paths = [found.path for found in registry.client.list_artifacts(run.info.run_id)]

    assert run.info.status == "FINISHED"
    assert run.info.end_time - run.info.start_time == 3000
    assert run.data.metrics == {
        "recall_20": 0.25,
        "rows": 12,
        "listeners": 3,
        "seconds": 3,
        "seconds_training": 2.5,
    }
    assert run.data.params["members"] == "16+32"
    assert run.data.params["data_since"] == "2026-01-01T00:00:00+00:00"
    assert run.data.params["data_until"] == "2026-03-01T11:00:00+00:00"
    assert run.inputs.dataset_inputs[0].dataset.digest == "d1"
    assert paths == ["card.json", "card.md", "plots"]
    assert json.loads(registry.blobs.read(f"{folder}/card.json"))["parameters"] == {
        "members": "16+32",
        "alpha": 7.0,
    }
    assert registry.blobs.read(f"{folder}/plots/quality.png") == b"a picture"


def test_the_gates_word_stands_on_the_run_and_on_the_version(registry: Registry):
    refused = replace(CARD, is_passed=False, reason="worse than the live model")

    name, number = registry.register("refused", refused).split("/")
    registry.mark(f"{name}/{number}", "promoted by hand")

    (run,) = runs_of("refused", registry)
    version = registry.client.get_model_version(name, number)
    assert run.data.tags["segue.gate"] == version.tags["segue.gate"] == "refused"
    assert version.tags["segue.decision"] == "promoted by hand"
    assert (
        "**refused**: worse than the live model"
        in version.description
        == run.data.tags["mlflow.note.content"]
    )


def test_the_page_is_told_where_everything_is_and_under_which_names_it_may_be_asked():
    told = page_environment(
        "postgresql://me:key@db/music", "s3://music/a?endpoint=http://s3:1", hosts=["a:1", "b:1"]
    )

    assert told["_MLFLOW_SERVER_FILE_STORE"] == "postgresql+psycopg://me:key@db/music_mlflow"
    assert told["_MLFLOW_SERVER_ARTIFACT_ROOT"] == "s3://music/a/mlflow"
    assert told["MLFLOW_S3_ENDPOINT_URL"] == "http://s3:1"
    assert told["MLFLOW_SERVER_ALLOWED_HOSTS"] == "a:1,b:1"
    assert told["MLFLOW_DISABLE_TELEMETRY"] == "true"


def test_a_run_that_was_left_half_told_is_replaced(registry: Registry):
    experiment = registry.client.create_experiment(
        "halves", artifact_location=f"{registry.blobs_url}/mlflow/halves"
    )
    half = registry.client.create_run(experiment, tags={"segue.version": "a1"})

    registry.register("halves", CARD)

    (run,) = runs_of("halves", registry)
    assert run.info.run_id != half.info.run_id


def test_a_finished_run_without_a_version_is_taken_up(registry: Registry):
    registry.register("taken", CARD)
    registry.client.delete_model_version("taken", "1")

    registry.register("taken", CARD)

    assert len(runs_of("taken", registry)) == 1


def test_live_is_what_was_last_told(registry: Registry):
    first = registry.register("alive", CARD)
    second = registry.register("alive", replace(CARD, version="a2"))
    before = registry.live("alive")

    registry.set_live(second)
    registry.set_live(first)

    assert before is None
    assert registry.live("alive") == first
    assert registry.live("nobody") is None


def test_an_absent_postgres_is_told_plainly(tmp_path: Path):
    url = f"file://{tmp_path}"

    with pytest.raises(Unreachable, match="Postgres does not answer"):
        open_registry("postgresql://segue@127.0.0.1:1/segue", open_blobs(url), url)


def test_mlflow_is_silent_and_leaves_nothing_where_it_is_run(engines: Engines, tmp_path: Path):
    script = (
        "import sys; from foundation.engines.blobs import open_blobs; from models.registry import open_registry;"
        "open_registry(sys.argv[1], open_blobs(sys.argv[2]), sys.argv[2]).live('als');"
        "from mlflow.telemetry.utils import is_telemetry_disabled; assert is_telemetry_disabled()"
    )
    here, blobs = tmp_path / "here", f"file://{tmp_path / 'blobs'}"
    here.mkdir()

    ran = subprocess.run(
        [sys.executable, "-c", script, engines.postgres, blobs],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert list(here.iterdir()) == []


def runs_of(model: str, registry: Registry) -> list:
    return list(registry.client.search_runs([registry.client.get_experiment_by_name(model).experiment_id]))
