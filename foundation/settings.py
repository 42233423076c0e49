"""Every knob of the platform, read in this one place from the environment and from the running supervisor."""

import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from foundation.errors import NotRunning, Unconfigured

REPOSITORY = Path(__file__).resolve().parent.parent
EMBEDDED = "embedded"
SHORTEST_SECRET = 32  # bytes


class Engines(BaseModel, frozen=True):
    """Where the engines are: a URL each, or `embedded` for the one the supervisor starts."""

    postgres: str = EMBEDDED  # or postgresql://user:password@host/database
    postgres_replica: str = ""  # a streaming replica of it that requests may read from; "": there is none
    redis: str = EMBEDDED  # or redis://…
    clickhouse: str = EMBEDDED  # or http(s)://user:password@host:8123/database
    clickhouse_reader: str = EMBEDDED  # the same server as a user who may only read
    blobs: str = EMBEDDED  # file://HOME/blobs, or s3://bucket/prefix
    vectors: str = EMBEDDED  # edge://HOME/vectors, or qdrant://host:6333


class Tokens(BaseModel, frozen=True):
    """Access tokens: who issues them, for whom, and how long they hold."""

    secret: SecretStr | None = None  # on a laptop one is made; elsewhere it must be given
    issuer: str = "segue"
    audience: str = "segue-api"
    lifetime: timedelta = timedelta(hours=1)
    refresh_lifetime: timedelta = timedelta(days=30)  # of a session that is not used


class Accounts(BaseModel, frozen=True):
    """How passwords are kept, and how often one may be guessed."""

    argon2_memory_kib: int = Field(default=19 * 1024, ge=19 * 1024)  # at least what OWASP asks of argon2id
    argon2_passes: int = Field(default=2, ge=2)
    failures: int = Field(default=10, ge=1)  # wrong passwords of one account, or of one address, in a window
    failure_window: timedelta = Field(default=timedelta(minutes=15), ge=timedelta(seconds=1))


class History(BaseModel, frozen=True):
    """The listening history that listeners see."""

    months_ahead: int = Field(default=3, ge=1)  # partitions made before they are needed
    kept_months: int = Field(default=0, ge=0)  # older months are dropped; 0: kept for ever


class Imports(BaseModel, frozen=True):
    """Listening history that listeners bring along from elsewhere."""

    biggest_file: int = Field(default=200 * 2**20, ge=1)  # bytes, as it is sent
    biggest_unpacked: int = Field(default=2**30, ge=1)  # bytes of all files of a zip
    memory: int = Field(
        default=4 * 2**30, ge=2 * 2**30
    )  # bytes that reading one may take; half of 2 GiB is code
    waiting: int = Field(default=3, ge=1)  # of one listener at once


class EventLog(BaseModel, frozen=True):
    """The log between a request and the stores."""

    segment_age: timedelta = timedelta(milliseconds=400)  # a segment is closed and shipped at this age
    segment_bytes: int = 8 * 1024 * 1024  # or at this size


class Api(BaseModel, frozen=True):
    """The one address people connect to, and how many processes answer there."""

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    workers: int = Field(default=2, ge=1, le=64)


class Http(BaseModel, frozen=True):
    """What the door asks of every request, and tells every client."""

    biggest_body: int = Field(default=1024 * 1024, ge=0)  # bytes; an endpoint may ask for less
    tls: bool = False  # people reach us by https only: they are told to remember it (HSTS)
    trusted_proxies: str = ""  # their addresses, with commas: X-Forwarded-For of anyone else is not believed
    country_header: str = (
        ""  # in which the edge in front of us tells the country, as CF-IPCountry; "": none does
    )


class Limits(BaseModel, frozen=True):
    """How many requests one listener, or one address without a token, may make in a window."""

    enabled: bool = True
    window: timedelta = Field(default=timedelta(minutes=1), ge=timedelta(seconds=1))
    free: int = Field(default=100, ge=1)  # of a listener
    premium: int = Field(default=1_000, ge=1)  # of a listener who pays
    address: int = Field(default=100, ge=1)  # of all who send no valid token from one address
    costly: int = Field(
        default=20, ge=1
    )  # of those that hash passwords, read or write a whole account, or add up years of listening
    plays: int = Field(default=1_000, ge=1)  # told by one listener: a budget of its own


class Trending(BaseModel, frozen=True):
    """What charts tell."""

    # Different listeners who made a search in a chart's window and region before it is told there: it names none of them.
    search_listeners: int = Field(default=5, ge=2, le=100)


class Telemetry(BaseModel, frozen=True):
    """What operators see besides the metrics."""

    logs: Literal["auto", "json", "plain"] = "auto"  # auto: for people on a terminal, else JSON
    access_log: bool = False  # a line for each request
    otlp_endpoint: str = ""  # of a collector, as http://host:4318; without one nothing is traced
    sampled: float = Field(default=1.0, ge=0, le=1)  # the share of traces that begin here and are kept


class Embedded(BaseModel, frozen=True):
    """How the embedded engines run."""

    account: str = "nobody"  # Postgres refuses to run as root: it becomes this account


class Settings(BaseSettings):
    """Every knob. `SEGUE__ENGINES__CLICKHOUSE=http://…` sets one; `SEGUE_HOME` says where state lives."""

    model_config = SettingsConfigDict(
        env_prefix="SEGUE__", env_nested_delimiter="__", populate_by_name=True, frozen=True
    )

    home: Path = Field(default=REPOSITORY / "var", validation_alias="SEGUE_HOME")
    place: Literal["laptop", "ci", "production"] = "laptop"
    datasets: Path = (
        REPOSITORY.parent / "shared" / "data"
    )  # public data sets that `segue evaluate` knows by name
    engines: Engines = Engines()
    tokens: Tokens = Tokens()
    event_log: EventLog = EventLog()
    api: Api = Api()
    http: Http = Http()
    limits: Limits = Limits()
    accounts: Accounts = Accounts()
    history: History = History()
    imports: Imports = Imports()
    trending: Trending = Trending()
    telemetry: Telemetry = Telemetry()
    embedded: Embedded = Embedded()

    @property
    def run_dir(self) -> Path:
        """Where the supervisor says what is running."""
        return self.home / "run"

    @property
    def log_dir(self) -> Path:
        """Where the event log keeps its segments."""
        return self.home / "event_log"

    @property
    def metrics_dir(self) -> Path:
        """Where every process keeps its share of the metrics."""
        return self.run_dir / "metrics"


def load() -> Settings:
    """The settings, with `home` made absolute; engines may still say `embedded`."""
    try:
        settings = Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = "SEGUE__" + "__".join(str(part).upper() for part in wrong["loc"])
        raise Unconfigured(f"{name} is not usable: {wrong['msg']}") from error
    return settings.model_copy(update={"home": settings.home.expanduser().resolve()})


def running_engines(settings: Settings) -> Mapping[str, str]:
    """What the supervisor of this home wrote into `run/engines.json`; empty when none is running."""
    try:
        written = json.loads((settings.run_dir / "engines.json").read_text())
        os.kill(written["supervisor_pid"], 0)
    except (OSError, ValueError, KeyError):
        return {}
    return {name: url for name, url in written.items() if isinstance(url, str)}


def connected(settings: Settings) -> Settings:
    """The same settings with a real URL for every engine.

    Raises NotRunning when an embedded engine is wanted and no supervisor runs on this home.
    """
    running = running_engines(settings)
    local = {"blobs": f"file://{settings.home}/blobs", "vectors": f"edge://{settings.home}/vectors"}
    urls = {}
    for name, url in settings.engines.model_dump().items():
        if url != EMBEDDED:
            urls[name] = url
        elif name in local:
            urls[name] = local[name]
        elif name in running:
            urls[name] = running[name]
        else:
            raise NotRunning("Segue is not running: start it with ./segue up", engine=name)
    return settings.model_copy(update={"engines": Engines(**urls)})


def token_secret(settings: Settings) -> str:
    """The key that signs tokens: the given one, or on a laptop one made once and kept in `run/token.key`.

    Raises Unconfigured in production without a given key of 32 bytes or more.
    """
    if settings.tokens.secret is not None:
        given = settings.tokens.secret.get_secret_value()
        if len(given.encode()) < SHORTEST_SECRET:
            raise Unconfigured("SEGUE__TOKENS__SECRET must have at least 32 bytes (RFC 8725, section 3.5)")
        return given
    if settings.place == "production":
        raise Unconfigured("set SEGUE__TOKENS__SECRET: production does not invent a signing key")
    kept = settings.run_dir / "token.key"
    if not kept.exists():
        _make_once(kept, secrets.token_urlsafe(48))
    secret = kept.read_text()
    if len(secret.encode()) < SHORTEST_SECRET:
        raise Unconfigured(f"{kept} is damaged: remove it, and a new key is made (tokens issued so far end)")
    return secret


def _make_once(path: Path, text: str) -> None:
    """Write a file for its owner alone, whole or not at all; one that somebody made meanwhile stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    with suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()


def share_metrics(settings: Settings) -> None:
    """Let this process add its metrics to those of the others of this home.

    The client reads the folder from the environment when it is first imported: call this before `foundation.metrics`
    is imported. A process that does not call it keeps its metrics to itself.
    """
    settings.metrics_dir.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.fspath(settings.metrics_dir)


def shared_metrics() -> Path | None:
    """The folder that `share_metrics` chose; None where this process keeps its metrics to itself."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(folder) if folder else None


def child_environment(settings: Settings) -> Mapping[str, str]:
    """The whole environment of a process we start: our own settings, S3's credentials, and what any program needs."""
    handed = {name: value for name, value in os.environ.items() if name.startswith(("SEGUE", "AWS_"))}
    return handed | {
        "SEGUE_HOME": os.fspath(settings.home),
        "PYTHONPATH": os.fspath(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": os.fspath(settings.home),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "OPENBLAS_NUM_THREADS": "1",  # training brings its own threads; OpenBLAS's beside them slow it down
    }
