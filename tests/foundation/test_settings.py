"""Settings come from the environment and the running supervisor, and say plainly what is missing."""

import json
import os
from pathlib import Path

import pytest

from foundation.errors import NotRunning, Unconfigured
from foundation.settings import Settings, connected, token_secret


def test_an_engine_nobody_started_is_named_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match=r"start it with \./segue up"):
        connected(Settings(SEGUE_HOME=tmp_path))


def test_what_runs_replaces_embedded_and_a_url_of_ones_own_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    told = {
        "supervisor_pid": os.getpid(),
        "postgres": "postgresql://here",
        "clickhouse": "http://c",
        "clickhouse_reader": "http://r",
    }
    (tmp_path / "run" / "engines.json").write_text(json.dumps(told))
    monkeypatch.setenv("SEGUE__ENGINES__REDIS", "redis://cluster")

    engines = connected(Settings(SEGUE_HOME=tmp_path)).engines

    assert (engines.postgres, engines.redis) == ("postgresql://here", "redis://cluster")
    assert engines.blobs == f"file://{tmp_path}/blobs"


def test_a_dead_supervisors_word_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "engines.json").write_text(
        json.dumps({"supervisor_pid": 2**22 + 1, "postgres": "postgresql://gone"})
    )

    with pytest.raises(NotRunning):
        connected(Settings(SEGUE_HOME=tmp_path))


def test_a_laptop_makes_one_key_and_keeps_it_to_itself(tmp_path: Path) -> None:
    settings = Settings(SEGUE_HOME=tmp_path)

    first, second = token_secret(settings), token_secret(settings)

    assert first == second
    assert (tmp_path / "run" / "token.key").stat().st_mode & 0o777 == 0o600


def test_production_refuses_to_start_without_a_key_or_with_a_short_one(tmp_path: Path) -> None:
    with pytest.raises(Unconfigured):
        token_secret(Settings(SEGUE_HOME=tmp_path, place="production"))
    with pytest.raises(Unconfigured):
        token_secret(Settings(SEGUE_HOME=tmp_path, tokens={"secret": "short"}))
