"""Airflow's parts as the supervisor sees them: what they need is made once, and health is not taken on trust."""

import json
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from cli.airflow import AirflowMissing, Database, Report, airflow_children, ready_environment, sign_in
from embedded.child import Stage
from foundation.settings import Engines, Settings
from tests.conftest import Engines as RunningEngines

STARTED = datetime(2026, 11, 22, 9, tzinfo=UTC)
BEFORE, AFTER = STARTED - timedelta(seconds=5), STARTED + timedelta(seconds=5)


def test_three_parts_start_when_the_engines_answer(tmp_path: Path):
    children = airflow_children(Settings(SEGUE_HOME=tmp_path), 8080)

    assert [child.name for child in children] == [
        "airflow-api-server",
        "airflow-scheduler",
        "airflow-dag-processor",
    ]
    assert {child.stage for child in children} == {Stage.SERVICES}
    assert not any(child.healthy() for child in children)


def test_without_the_extras_one_line_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "airflow", None)

    with pytest.raises(AirflowMissing, match=r"\./segue install --extras"):
        airflow_children(Settings(SEGUE_HOME=tmp_path), 8080)


@pytest.mark.parametrize(
    ("beat", "healthy"), [(AFTER, True), (BEFORE, False)], ids=["of this run", "of an earlier run"]
)
def test_only_a_heartbeat_of_this_run_counts(beat: datetime, *, healthy: bool):
    said = {"scheduler": {"status": "healthy", "latest_scheduler_heartbeat": beat.isoformat()}}

    with answering({"/api/v2/monitor/health": said}) as port:
        told = Report(port).tells_of("scheduler", STARTED)

    assert told is healthy


@pytest.mark.parametrize(("door", "healthy"), [("healthy", True), ("opening", False)])
def test_the_api_server_is_ready_when_tasks_are_answered_too(door: str, *, healthy: bool):
    pages = {"/api/v2/monitor/health": {"metadatabase": {}}, "/execution/health": {"status": door}}

    with answering(pages) as port:
        told = Report(port).tells_of("api-server", STARTED)

    assert told is healthy


def test_a_part_whose_server_does_not_answer_is_not_ready():
    assert not Report(1).tells_of("dag-processor", STARTED)


def test_its_database_lies_beside_the_platforms_own():
    database = Database.beside("postgresql://me:a$b@db/music")

    assert database.sqlalchemy_url == "postgresql+psycopg://me:a%24b@db/music_airflow"


@pytest.mark.slow
def test_secrets_and_database_are_made_once_and_kept_for_their_owner(engines: RunningEngines, tmp_path: Path):
    settings = Settings(SEGUE_HOME=tmp_path, engines=Engines(postgres=engines.postgres))

    first = ready_environment(settings, 8080)
    second = ready_environment(settings, 8080)

    kept = [tmp_path / "airflow" / name for name in ("keys.json", "passwords.json")]
    assert first == second
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600, 0o600]
    assert str(kept[1]) in sign_in(settings)
    assert Database.beside(engines.postgres).revision() is not None


@contextmanager
def answering(pages: dict[str, Any]) -> Iterator[int]:
    """A server that knows these pages; its port."""

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in pages else 404)
            self.end_headers()
            self.wfile.write(json.dumps(pages.get(self.path)).encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
