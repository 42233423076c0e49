"""Runs, cards and versions of models, kept in MLflow; the only file that knows it.

MLflow takes seconds to import, so it is imported when a registry is opened and not before. It keeps its tables in a
database of its own beside the platform's (`segue` -> `segue_mlflow`), made if missing, and its artifacts among the
blobs, so that `mlflow ui` on the same two URLs shows everything.
"""

import json
import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from foundation.engines.blobs import Blobs
from foundation.engines.postgres import connection
from foundation.errors import Problem

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

LIVE = "live"  # the alias of the version that serves
ARTIFACTS = "mlflow"  # under the blobs
_VERSION_TAG = "segue.version"

# MLflow reads these from the environment while it is imported. It must never report its use to anybody, nor complain
# that no git is installed, and it keeps no connection open that nobody could close.
_BEFORE_IMPORT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    "GIT_PYTHON_REFRESH": "quiet",
}


class RegistryDatabaseMissing(Problem):
    """The database of the registry is not there and cannot be made."""

    status, title = 503, "The model registry has no database"


@dataclass(frozen=True, slots=True)
class Card:
    """What is worth knowing of a trained model: from what, how, how good, and where its factors are."""

    version: str  # digest of data and parameters: the same version is the same model
    trained_at: datetime
    took: timedelta
    data_version: str
    data_url: str
    data_until: datetime
    factors_url: str
    counts: Mapping[str, int]  # of the data: listeners, songs, rows
    parameters: Mapping[str, str | int | float]
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Registry:
    """Registers a model once per version and says which one is live."""

    client: "MlflowClient"
    blobs: Blobs
    blobs_url: str

    def registered(self, model: str, version: str) -> str | None:
        """The registered name of that version ("als/3"), if it has one."""
        found = self.client.search_model_versions(f"name = '{model}' AND tags.`{_VERSION_TAG}` = '{version}'")
        return f"{model}/{found[0].version}" if found else None

    def register(self, model: str, card: Card) -> str:
        """Keep the card and return the registered name, "als/3". The same version again changes nothing."""
        known = self.registered(model, card.version)
        if known is not None:
            return known
        run = self._finished_run(self._experiment(model), card)
        if not self.client.search_registered_models(f"name = '{model}'"):
            self.client.create_registered_model(model)
        tags = {_VERSION_TAG: card.version}
        made = self.client.create_model_version(model, card.factors_url, run.info.run_id, tags=tags)
        return f"{model}/{made.version}"

    def set_live(self, registered: str) -> None:
        """Point the alias `live` at a registered version: the record of a flip that has happened."""
        model, version = registered.rsplit("/", maxsplit=1)
        self.client.set_registered_model_alias(model, LIVE, version)

    def live(self, model: str) -> str | None:
        """The registered name of the version that was last told to be live, "als/3"."""
        found = self.client.search_registered_models(f"name = '{model}'")
        version = found[0].aliases.get(LIVE) if found else None
        return None if version is None else f"{model}/{version}"

    def _experiment(self, model: str) -> str:
        found = self.client.get_experiment_by_name(model)
        if found is not None:
            return str(found.experiment_id)
        folder = f"{self.blobs_url}/{ARTIFACTS}/{model}"
        return str(self.client.create_experiment(model, artifact_location=folder))

    def _finished_run(self, experiment: str, card: Card) -> "Run":
        """The run of this version. One that an interrupted job left half-told is replaced."""
        for found in self.client.search_runs([experiment], f"tags.`{_VERSION_TAG}` = '{card.version}'"):
            if found.info.status == "FINISHED":
                return found
            self.client.delete_run(found.info.run_id)
        began = _milliseconds(card.trained_at)
        run = self.client.create_run(experiment, began, {_VERSION_TAG: card.version}, run_name=card.version)
        self._tell(run.info.run_id, card, began)
        self._keep(run, card)
        self.client.set_terminated(run.info.run_id, end_time=began + card.took // timedelta(milliseconds=1))
        return run

    def _tell(self, run_id: str, card: Card, at: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param  # noqa: PLC0415 - slow to import

        numbers = {**card.metrics, **card.counts, "seconds": card.took.total_seconds()}
        params = {
            **card.parameters,
            "data_version": card.data_version,
            "data_until": card.data_until.isoformat(),
        }
        self.client.log_batch(
            run_id,
            metrics=[Metric(name, float(value), at, 0) for name, value in numbers.items()],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        profile = json.dumps(dict(card.counts))
        data = Dataset("interactions", card.data_version, "blobs", card.data_url, profile=profile)
        self.client.log_inputs(run_id, [DatasetInput(data)])

    def _keep(self, run: "Run", card: Card) -> None:
        """The card as an artifact, written by our own blobs: MLflow would need a driver of its own for S3."""
        folder = run.info.artifact_uri.removeprefix(self.blobs_url).strip("/")
        told = {name: getattr(card, name) for name in Card.__slots__}
        text = json.dumps(told, default=_as_text, indent=2)
        self.blobs.put(f"{folder}/card.json", text.encode())


def open_registry(postgres_url: str, blobs: Blobs, blobs_url: str) -> Registry:
    """The registry beside the platform's database; its tables are made on first use.

    Raises Unreachable when Postgres does not answer and RegistryDatabaseMissing when no database may be made there.
    """
    os.environ.update(_BEFORE_IMPORT)  # allow: environment because MLflow is told in no other way
    logging.getLogger("alembic").setLevel(logging.WARNING)
    url = make_url(postgres_url).set(drivername="postgresql+psycopg")
    tracking = url.set(database=f"{url.database}_mlflow")
    _make_database(postgres_url, str(tracking.database))
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - slow to import

    text = tracking.render_as_string(hide_password=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own use of SQLAlchemy, nothing that we could change
        client = MlflowClient(tracking_uri=text, registry_uri=text)
        client.search_experiments(max_results=1)  # makes the tables
        client.search_registered_models(max_results=1)
    return Registry(client, blobs, blobs_url.rstrip("/"))


def _make_database(postgres_url: str, name: str) -> None:
    with connection(postgres_url, name="segue registry") as db:
        if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        try:
            db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return  # another process was faster
        except psycopg.errors.InsufficientPrivilege as error:
            raise RegistryDatabaseMissing(f"create the database {name}: this user may not") from error


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _as_text(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return dict(value)
        case _:
            raise TypeError(f"no text for {type(value).__name__}")
