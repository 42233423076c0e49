"""kill -9 of each part, three times each, while three thousand plays come in."""

from pathlib import Path

import pytest

from tests.faults.harness import DEFAULT_VICTIMS, Trial, run


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_acknowledged_play_is_in_clickhouse_and_redis_exactly_once(tmp_path: Path) -> None:
    trial = Trial(plays=3_000, kills=3, seed=1)

    verdict = run(tmp_path, trial, say=print)

    assert verdict.acknowledged == 3_000
    assert verdict.killed.total() == 3 * len(DEFAULT_VICTIMS)
    assert verdict.is_exact, verdict.table()
