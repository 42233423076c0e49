"""`segue job`: runs jobs of the catalogue with progress, and says what each wrote."""

from collections.abc import Sequence

from foundation import settings
from foundation.errors import Problem


class NoSuchJob(Problem):
    """A job that the catalogue does not list."""

    status, title = 404, "There is no such job"


def run(name: str | None, *, everything: bool, listeners: Sequence[int] | None = None) -> None:
    """Run the named job or all of them, or one that can for some listeners; without either, list them."""
    from cli import say
    from cli.running import running
    from pipelines.catalog import JOBS

    names = [job.writes for job in JOBS]
    if name is not None and everything:
        raise NoSuchJob(f"{name} and --all: say one of them")
    if name is None and not everything:
        for job in JOBS:
            say.out.print(f"{job.writes:<14} reads {', '.join(job.reads)}", markup=False)
        return
    if name is not None and name not in names:
        raise NoSuchJob(f"there is no job {name!r}; there are {', '.join(names)}")
    with running(settings.load()) as connected, say.bars() as bars:
        from pipelines.context import open_context
        from pipelines.run import run as run_job

        with open_context(connected, progress=bars, listeners=listeners) as context:
            results = [run_job(each, context) for each in (names if everything else [name or ""])]
    for result in results:
        changed = "written" if result.changed else "unchanged"
        say.out.print(
            f"{result.name:<14} {changed:<10} {result.seconds:6.1f} s  {result.summary}", markup=False
        )
