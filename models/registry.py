"""Runs, cards and versions of models, kept in MLflow; the only file that knows it.

MLflow takes seconds to import, so it is imported when a registry is opened and not before. It keeps its tables in a
database of its own beside the platform's (`segue` -> `segue_mlflow`), made if missing, and its artifacts among the
blobs, so that `mlflow ui` on the same two URLs shows everything.
"""

import json
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

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
_DECISION_TAG = "segue.decision"
_KIND = {"mlflow.experimentKind": "custom_model_development"}  # the page shows models, not conversations
_DESCRIPTION_TAG = "mlflow.note.content"  # what the page of a run shows as its description

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
    """What is worth knowing of a trained model: from what, how, how good, whether it may serve, and where it is."""

    version: str  # digest of data and parameters: the same version is the same model
    trained_at: datetime
    took: timedelta
    data_version: str
    data_url: str
    data_since: datetime | None  # the first listen; None where no listen has a time
    data_until: datetime
    factors_url: str
    counts: Mapping[str, int]  # of the data: listeners, songs, rows
    parameters: Mapping[str, str | int | float]
    metrics: Mapping[str, float]
    seconds: Mapping[str, float]  # by stage
    is_passed: bool  # by the gate
    reason: str  # what the gate said
    judged_by: str  # what the gate judged by, for people
    sections: Mapping[str, str] = field(default_factory=dict)  # of the page, in Markdown, by heading
    plots: Mapping[str, bytes] = field(default_factory=dict)  # PNG files by name

    def told(self) -> dict[str, object]:
        """Everything but what is for the eye, for a file."""
        return {name: getattr(self, name) for name in Card.__slots__ if name not in {"sections", "plots"}}

    def page(self) -> str:
        """The whole card for people, in Markdown."""
        parts = [f"## {heading}\n\n{text}" for heading, text in self.sections.items()]
        return "\n\n".join([f"# Model {self.version}", self.text(), *parts]) + "\n"

    def text(self) -> str:
        """The card in a few lines of Markdown.

        MLflow shows them above the numbers of the run and of the registered version, and keeps no long text there.
        """
        since = f"{self.data_since:%Y-%m-%d %H:%M} to " if self.data_since else "plays without times, until "
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items())
        lines = {
            "Gate": f"**{'passed' if self.is_passed else 'refused'}**: {self.reason}",
            "Judged by": self.judged_by,
            "Data": f"{since}{self.data_until:%Y-%m-%d %H:%M} UTC; {counts}; version `{self.data_version}`",
            "Parameters": ", ".join(f"{name} {value}" for name, value in self.parameters.items()),
            "Trained": f"{self.trained_at:%Y-%m-%d %H:%M} UTC in {self.took.total_seconds():.1f} s",
            "Factors": f"`{self.factors_url}`",
        }
        return "\n".join(f"- {name}: {line}" for name, line in lines.items())


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
        made = self.client.create_model_version(
            model, card.factors_url, run.info.run_id, tags=_tags(card), description=card.text()
        )
        return f"{model}/{made.version}"

    def record(
        self,
        experiment: str,
        name: str,
        *,
        at: datetime,
        parameters: Mapping[str, object],
        metrics: Mapping[str, float],
        files: Mapping[str, bytes],
    ) -> str:
        """Keep a run that makes no model, such as an evaluation, with its files; returns the run's id.

        MLflow allows no `@` in the name of a metric: `recall@20` is kept as `recall_20`.
        """
        from mlflow.entities import Metric, Param  # noqa: PLC0415 - slow to import

        began = _milliseconds(at)
        run = self.client.create_run(self._experiment(experiment), began, run_name=name)
        told = {name.replace("@", "_"): float(value) for name, value in metrics.items()}
        self.client.log_batch(
            run.info.run_id,
            metrics=[Metric(name, value, began, 0) for name, value in told.items()],
            params=[Param(name, str(value)) for name, value in parameters.items()],
        )
        self._put(run, files)
        self.client.set_terminated(run.info.run_id)
        return str(run.info.run_id)

    def set_live(self, registered: str) -> None:
        """Point the alias `live` at a registered version: the record of a flip that has happened."""
        model, version = registered.rsplit("/", maxsplit=1)
        self.client.set_registered_model_alias(model, LIVE, version)

    def mark(self, registered: str, text: str) -> None:
        """Note on a registered version what people decided of it: promoted or rolled back, and when."""
        model, version = registered.rsplit("/", maxsplit=1)
        self.client.set_model_version_tag(model, version, _DECISION_TAG, text)

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
        return str(self.client.create_experiment(model, artifact_location=folder, tags=_KIND))

    def _finished_run(self, experiment: str, card: Card) -> "Run":
        """The run of this version. One that an interrupted job left half-told is replaced."""
        for found in self.client.search_runs([experiment], f"tags.`{_VERSION_TAG}` = '{card.version}'"):
            if found.info.status == "FINISHED":
                return found
            self.client.delete_run(found.info.run_id)
        began = _milliseconds(card.trained_at)
        tags = _tags(card) | {_DESCRIPTION_TAG: card.text()}
        run = self.client.create_run(experiment, began, tags, run_name=card.version)
        self._tell(run.info.run_id, card, began)
        self._keep(run, card)
        self.client.set_terminated(run.info.run_id, end_time=began + card.took // timedelta(milliseconds=1))
        return run

    def _tell(self, run_id: str, card: Card, at: int) -> None:
        from mlflow.entities import Dataset, DatasetInput, Metric, Param  # noqa: PLC0415 - slow to import

        stages = {f"seconds_{stage}": seconds for stage, seconds in card.seconds.items()}
        numbers = {**card.metrics, **card.counts, **stages, "seconds": card.took.total_seconds()}
        params = {
            **card.parameters,
            "data_version": card.data_version,
            "data_since": "" if card.data_since is None else card.data_since.isoformat(),
            "data_until": card.data_until.isoformat(),
            "judged_by": card.judged_by,
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
        """The card and the plots as artifacts, written by our own blobs: MLflow would need a driver of its own for S3."""
        told = json.dumps(card.told(), default=_as_text, indent=2)
        plots = {f"plots/{name}": plot for name, plot in card.plots.items()}
        self._put(run, {"card.json": told.encode(), "card.md": card.page().encode(), **plots})

    def _put(self, run: "Run", files: Mapping[str, bytes]) -> None:
        folder = run.info.artifact_uri.removeprefix(self.blobs_url).strip("/")
        for name, content in files.items():
            self.blobs.put(f"{folder}/{name}", content)


def tracking_url(postgres_url: str) -> str:
    """Where MLflow keeps its tables, as SQLAlchemy wants it: a database beside the platform's.

    >>> tracking_url("postgresql://segue:key@127.0.0.1:5432/segue")
    'postgresql+psycopg://segue:key@127.0.0.1:5432/segue_mlflow'
    """
    url = make_url(postgres_url)
    beside = url.set(drivername="postgresql+psycopg", database=f"{url.database}_mlflow")
    return beside.render_as_string(hide_password=False)


def open_registry(postgres_url: str, blobs: Blobs, blobs_url: str) -> Registry:
    """The registry beside the platform's database; its tables are made on first use.

    Raises Unreachable when Postgres does not answer and RegistryDatabaseMissing when no database may be made there.
    """
    os.environ.update(_BEFORE_IMPORT)  # allow: environment because MLflow is told in no other way
    logging.getLogger("alembic").setLevel(logging.WARNING)
    text = tracking_url(postgres_url)
    prepare_database(postgres_url)
    from mlflow.tracking import MlflowClient  # noqa: PLC0415 - slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's own use of SQLAlchemy, nothing that we could change
        client = MlflowClient(tracking_uri=text, registry_uri=text)
        client.search_experiments(max_results=1)  # makes the tables
        client.search_registered_models(max_results=1)
    return Registry(client, blobs, blobs_url.rstrip("/"))


def page_environment(postgres_url: str, blobs_url: str, *, hosts: Sequence[str]) -> Mapping[str, str]:
    """What MLflow's server wants in its environment to show this registry under these names of its host.

    The server is `mlflow.server.fastapi_app:app`. The command `mlflow server` starts just that, handing on its options in
    the variables with an underscore, and stays beside it with all of MLflow loaded a second time. Artifacts of `s3://`
    need the package boto3 and the usual AWS_… variables; everything else is shown without.
    """
    told = {
        "_MLFLOW_SERVER_FILE_STORE": tracking_url(postgres_url),
        "_MLFLOW_SERVER_REGISTRY_STORE": tracking_url(postgres_url),
        "_MLFLOW_SERVER_ARTIFACT_ROOT": f"{blobs_url.split('?', maxsplit=1)[0].rstrip('/')}/{ARTIFACTS}",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(hosts),  # against DNS rebinding
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    endpoint = dict(parse_qsl(urlsplit(blobs_url).query)).get("endpoint")
    return _BEFORE_IMPORT | told | ({"MLFLOW_S3_ENDPOINT_URL": endpoint} if endpoint else {})


def prepare_database(postgres_url: str) -> None:
    """Have MLflow's database; its tables come with its first use. Raises Unreachable and RegistryDatabaseMissing."""
    name = str(make_url(tracking_url(postgres_url)).database)
    with connection(postgres_url, name="segue registry") as db:
        if db.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        try:
            db.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            return  # another process was faster
        except psycopg.errors.InsufficientPrivilege as error:
            raise RegistryDatabaseMissing(f"create the database {name}: this user may not") from error


def _tags(card: Card) -> dict[str, str]:
    verdict = "passed" if card.is_passed else "refused"
    return {_VERSION_TAG: card.version, "segue.gate": verdict, "segue.reason": card.reason}


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
