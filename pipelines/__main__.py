"""`python -m pipelines NAME [--at MOMENT]`: runs one job as a scheduler does; `--all` runs them in order."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from foundation import settings
from foundation.errors import Problem
from foundation.telemetry import configure_logging
from pipelines import catalog
from pipelines.context import open_context
from pipelines.run import JobResult, run, run_all


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 when every job did its work or had none to do."""
    parser = argparse.ArgumentParser(prog="python -m pipelines", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("name", nargs="?", choices=[job.writes for job in catalog.JOBS])
    what.add_argument("--all", action="store_true", help="every job, each after those it reads")
    parser.add_argument(
        "--at", type=moment, help="work with what was known at this ISO 8601 moment; now by default"
    )
    asked = parser.parse_args(arguments)
    configure_logging("pipelines")
    try:
        with open_context(settings.load(), at=asked.at) as context:
            for result in run_all(context) if asked.all else [run(asked.name, context)]:
                print(line(result))
    except Problem as problem:
        print(problem.detail, file=sys.stderr)
        return 1
    return 0


def moment(text: str) -> datetime:
    """An ISO 8601 moment; without a zone it is UTC.

    >>> moment("2026-11-22 03:00").isoformat()
    '2026-11-22T03:00:00+00:00'
    """
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed


def line(result: JobResult) -> str:
    """One line for people.

    >>> line(JobResult("interactions", "3f2a", changed=True, summary="12 pairs", seconds=0.51))
    'interactions  3f2a  written in 0.5 s: 12 pairs'
    """
    done = "written" if result.changed else "unchanged"
    return f"{result.name}  {result.version}  {done} in {result.seconds:.1f} s: {result.summary}"


if __name__ == "__main__":
    sys.exit(main())
