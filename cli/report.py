"""`segue report`: writes a report among the blobs, and where the reader wants it, and says where it is."""

from datetime import UTC, date, datetime
from pathlib import Path

from foundation import settings
from foundation.clock import utc_now
from foundation.errors import Problem


class NoSuchReport(Problem):
    """A name that no report has."""

    status, title = 404, "There is no such report"


class NoSuchMoment(Problem):
    """A day or a moment that cannot be read."""

    status, title = 422, "This is no day"


def run(name: str, since: str, until: str, *, as_of: str | None, out: str | None) -> None:
    """Make the report of these days, and print where its page is."""
    from cli import say
    from cli.running import running
    from pipelines.reports.report import Stretch
    from pipelines.reports.writing import KINDS, files, keep, made

    kind = next((each for each in KINDS if each == name), None)
    if kind is None:
        raise NoSuchReport(f"there is no report {name!r}; there are {', '.join(KINDS)}")
    at = utc_now() if as_of is None else _moment(as_of)
    stretch = Stretch.of(_day(since), _day(until), at)
    with running(settings.load()) as connected:
        from pipelines.context import open_context

        with open_context(connected, at=at) as context:
            report = made(kind, context, stretch)
            page = f"{context.blobs_url}/{keep(report, context.blobs)}"
    say.out.print(page.removeprefix("file://"), markup=False, soft_wrap=True)
    if out is not None:
        folder = Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        for each, content in files(report).items():
            (folder / each).write_bytes(content)
        say.out.print(str(folder / "index.html"), markup=False, soft_wrap=True)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise NoSuchMoment(f"{text!r} is no day: write it as 2026-03-01") from error


def _moment(text: str) -> datetime:
    try:
        told = datetime.fromisoformat(text)
    except ValueError as error:
        raise NoSuchMoment(f"{text!r} is no moment: write it as 2026-03-09T04:30") from error
    return told.replace(tzinfo=UTC) if told.tzinfo is None else told
