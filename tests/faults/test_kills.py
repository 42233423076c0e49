"""Ten times kill -9 of the API and of ClickHouse while ten thousand plays come in."""

from pathlib import Path

import pytest

from tests.faults.harness import Trial, run


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_acknowledged_play_is_in_the_warehouse_exactly_once(tmp_path: Path) -> None:
    trial = Trial(plays=10_000, kills=10, seed=1)

    verdict = run(tmp_path, trial, say=print)

    assert verdict.acknowledged == 10_000
    assert verdict.killed == {"api": 10, "clickhouse": 10}
    assert verdict.is_exact, verdict.table()
