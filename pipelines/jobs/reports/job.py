"""Writes every report on the last whole week, as it was known when the job was due."""

from datetime import timedelta

from pipelines.context import Context, Outcome
from pipelines.reports.report import Stretch
from pipelines.reports.writing import KINDS, files, is_kept, keep, made
from pipelines.versions import digest

NAME = "reports"
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
    """Write the reports; the same moment again changes nothing."""
    stretch, written = build(context), []
    changed = False
    for number, name in enumerate(KINDS):
        context.progress(f"reporting on {name}", number / len(KINDS))
        report = made(name, context, stretch)
        changed |= not is_kept(report, context.blobs)
        keep(report, context.blobs)
        written.append(files(report)["index.html"].decode())
    context.progress("reporting", 1.0)
    summary = f"{len(KINDS)} reports on {stretch.since} to {stretch.until}"
    return Outcome(digest(NAME, written), changed=changed, summary=summary)
