"""kill -9 of each part, again and again, while plays come in; and a ClickHouse that stands still."""

from pathlib import Path

import pytest

from tests.faults import stopping
from tests.faults.harness import Trial, run
from tests.faults.stopping import Stop

TRIALS = {
    "what we run": Trial(plays=26_000, kills=3, seed=1),  # 2,000 a second
    "what we stand on": Trial(plays=1_000, kills=1, seed=2, victims=("redis", "postgres", "everything")),
}


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("trial", TRIALS.values(), ids=TRIALS)
def test_every_acknowledged_play_is_in_every_store_exactly_once(tmp_path: Path, trial: Trial) -> None:
    verdict = run(tmp_path, trial, say=print)

    assert verdict.acknowledged == trial.plays
    assert verdict.killed.total() == trial.kills * len(trial.victims)
    assert verdict.is_exact, verdict.table()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_plays_and_charts_are_answered_while_clickhouse_stands_still_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    report = stopping.run(tmp_path, Stop("clickhouse", seconds=5, pace=400, seed=3), say=print)

    assert report.acknowledged_meanwhile > 1_000
    assert report.waiting > 1_000
    assert report.is_kept, report.table()
