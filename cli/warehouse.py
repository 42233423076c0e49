"""`segue warehouse`: brings its tables to the newest version, and sees that its rollups are right."""

from foundation import settings
from foundation.errors import Problem


class RollupsDiffer(Problem):
    """A rollup is not what a recount of its listens gives."""

    status, title = 409, "Rollups differ"


def migrate() -> None:
    """Apply what is missing."""
    from cli import say
    from cli.running import running
    from foundation.engines.clickhouse import open_clickhouse
    from warehouse import migrate as migrations

    with running(settings.load()) as connected:
        applied = migrations.migrate(open_clickhouse(connected.engines.clickhouse))
    say.out.print(", ".join(applied) or "the tables are of the newest version", markup=False)


def check(*, repair: bool) -> None:
    """Compare every rollup with its recount, and repair where asked. Raises RollupsDiffer where one stays wrong."""
    from cli import say
    from cli.running import running
    from foundation.engines.clickhouse import open_clickhouse
    from warehouse.checking import check as check_rollups

    wrong = []
    with running(settings.load()) as connected:
        client = open_clickhouse(connected.engines.clickhouse)
        for checked in check_rollups(client, repair=repair):
            found = "right" if not checked.wrong else f"{checked.wrong:,} cells differed"
            repaired = f", {checked.repaired:,} repaired" if checked.repaired else ""
            say.out.print(f"{checked.rollup.table:<20} {found}{repaired}", markup=False)
            if not checked.is_right:
                wrong.append(checked.rollup.table)
    if wrong:
        raise RollupsDiffer(f"{', '.join(wrong)}: ./segue warehouse check --repair corrects them")
