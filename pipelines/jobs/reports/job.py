"""Writes every report on the last whole week, as it was known when the job was due."""

from datetime import timedelta

from pipelines.context import Context, Outcome
from pipelines.reports.report import Report, Stretch
from pipelines.reports.writing import KINDS, keep, made
from pipelines.versions import Versions, digest

NAME = "reports"
RECIPE = 1  # part of every version: raise it when a page changes its meaning
WEEK = timedelta(days=7)


def build(context: Context) -> Stretch:
    """The Monday to Sunday before the context's moment.

    A week that has just ended is not told whole: phones without a network bring the rest of it for days. So the report says
    as of when it is true, and `./segue report` makes it anew.
    """
    today = context.at.date()
    monday = today - timedelta(days=today.weekday()) - WEEK
    return Stretch.of(monday, monday + WEEK - timedelta(days=1), context.at)


def run(context: Context) -> Outcome:
    """Write the reports; where the week's listens are known as before, nothing changes."""
    versions, stretch = Versions(NAME, context.blobs), build(context)
    reports = []
    for number, name in enumerate(KINDS):
        context.progress(f"reporting on {name}", number / (len(KINDS) + 1))
        reports.append(made(name, context, stretch))
    version = digest(NAME, RECIPE, stretch.folder, [_tables(report) for report in reports])
    summary = f"{len(KINDS)} reports on {stretch.since} to {stretch.until}"
    known = versions.newest()
    if known is not None and known["version"] == version:
        return Outcome(version, changed=False, summary=summary)
    pages = [keep(report, context.blobs) for report in reports]
    versions.point(version, {"pages": pages, "written_at": context.now().isoformat()})
    context.progress("reporting", 1.0)
    return Outcome(version, changed=True, summary=summary)


def _tables(report: Report) -> dict[str, str]:
    """What the tables say, without the moment that the page tells."""
    return {table.name: table.rows.write_csv() for table in report.tables}
