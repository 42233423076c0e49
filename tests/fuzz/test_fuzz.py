from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Engines
from tests.fuzz.platform import Platform, Removable, running
from tests.fuzz.run import fuzz
from tools.api_document import document

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def platform(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running(tmp_path_factory.mktemp("fuzz"), engines) as up:
        yield up


def test_every_answer_is_one_that_the_document_promises(platform: Platform) -> None:
    findings, _ = fuzz(platform, document(), cases=800, seed=1)

    print(findings.table())
    assert findings.failures == {}
    assert findings.cases >= 800
    assert len(findings.answered) == len(findings.operations)


def test_without_postgres_every_answer_is_still_one_that_the_document_promises(tmp_path: Path) -> None:
    engines = Removable(tmp_path, "postgres")
    try:
        with running(tmp_path / "gateway", engines) as up:
            findings, _ = fuzz(up, document(), cases=300, seed=1, without=engines)
    finally:
        engines.stop()

    print(findings.table())
    assert findings.failures == {}
    assert findings.answered["GET /api/v1/me"].keys() <= {401, 503}


def test_an_answer_that_the_document_does_not_promise_is_found(platform: Platform) -> None:
    silent = document()
    for path in silent["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)

    findings, _ = fuzz(platform, silent, cases=200, seed=1)

    assert any(status == 422 for _, status, _ in findings.failures)
