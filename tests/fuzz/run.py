"""One run: people gather, an engine is taken away where one is to be, and everything is asked."""

from collections.abc import Callable
from random import Random
from typing import Any

from foundation.engines import postgres
from tests.fuzz.findings import Findings
from tests.fuzz.harness import Fuzzing
from tests.fuzz.people import People
from tests.fuzz.platform import Platform, Removable


def fuzz(
    platform: Platform,
    document: dict[str, Any],
    cases: int,
    seed: int,
    *,
    without: Removable | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[Findings, People]:
    """At least so many cases against the platform, which should do as the document says."""
    with postgres.connection(platform.catalog) as db:
        chance = Random(seed)
        people = People(db, chance)
        people.gather()
        fuzzing = Fuzzing(platform.address, document, people, chance, is_whole=without is None)
        try:
            if without is not None:
                without.remove(platform)
            return fuzzing.run(cases, seed, say), people
        finally:
            fuzzing.close()
