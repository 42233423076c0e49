"""kill -9 of each part, again and again, while plays come in."""

from pathlib import Path

import pytest

from tests.faults.harness import Trial, run

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
