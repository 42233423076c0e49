"""Renders a report as one HTML page that needs nothing else, and the page that lists all reports."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from pipelines.reports.report import Kind, Number, Report, Section, Table, counted, percent

CSS = (Path(__file__).parent / "page.css").read_text()


def page(report: Report) -> str:
    """The whole page."""
    about = report.stretch
    as_of = f"{about.as_of:%Y-%m-%d %H:%M} UTC"
    head = (
        f'<header><div class="brand">Segue</div><h1>{escape(report.title)}</h1>'
        f"<p>{about.since:%-d %B %Y} to {about.until:%-d %B %Y} (UTC days), as known at {as_of}. {escape(report.about)}</p></header>"
    )
    numbers = "".join(map(_number, report.numbers))
    body = "".join(map(_section, report.sections))
    again = f"./segue report {report.name} --from {about.since} --to {about.until} --as-of {about.as_of:%Y-%m-%dT%H:%M:%S.%fZ}"
    foot = f"<footer>The same listens again: <code>{escape(again)}</code></footer>"
    return _document(report.title, f'{head}<div class="numbers">{numbers}</div>{body}{foot}')


def index(reports: Mapping[str, Sequence[str]]) -> str:
    """The page that lists every report: the folders of each name, the newest first."""
    parts = "".join(
        f"<section><h2>{escape(name)}</h2><ul>{''.join(_link(name, folder) for folder in folders)}</ul></section>"
        for name, folders in reports.items()
    )
    head = '<header><div class="brand">Segue</div><h1>Reports</h1></header>'
    return _document("Reports", head + parts)


def _link(name: str, folder: str) -> str:
    since, _, until = folder.partition("_")
    return f'<li><a href="{escape(name)}/{escape(folder)}/index.html">{escape(since)} to {escape(until)}</a></li>'


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · Segue</title><style>{CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _number(number: Number) -> str:
    note = f"<br><span>{escape(number.note)}</span>" if number.note else ""
    return f'<div class="number"><b>{escape(number.value)}</b><span>{escape(number.label)}</span>{note}</div>'


def _section(section: Section) -> str:
    table = "" if section.table is None else "".join(_table(section.table))
    return f"<section><h2>{escape(section.heading)}</h2><p>{escape(section.says)}</p>{section.plot}{table}</section>"


def _table(table: Table) -> Iterator[str]:
    if table.rows.is_empty():
        yield "<p>There is nothing to show.</p>"
        return
    if table.shown:
        yield from _rows(table)
    rest = table.rows.height > table.shown
    more = (
        f"The first {table.shown:,} of {table.rows.height:,} rows; all of them: "
        if rest and table.shown
        else ""
    )
    files = " · ".join(
        f'<a href="{table.name}.{kind}">{table.name}.{kind}</a>' for kind in ("csv", "parquet")
    )
    yield f'<div class="files">{more}{files}</div>'


def _rows(table: Table) -> Iterator[str]:
    yield "<table><thead><tr>"
    for heading, kind in table.columns.values():
        yield f'<th class="{_class(kind)}">{escape(heading)}</th>'
    yield "</tr></thead><tbody>"
    for row in table.rows.head(table.shown).select(list(table.columns)).iter_rows():
        cells = zip(row, table.columns.values(), strict=True)
        yield (
            "<tr>"
            + "".join(f'<td class="{_class(kind)}">{_cell(value, kind)}</td>' for value, (_, kind) in cells)
            + "</tr>"
        )
    yield "</tbody></table>"


def _class(kind: Kind) -> str:
    return "text" if kind == "text" else "figure"


def _cell(value: Any, kind: Kind) -> str:
    """
    >>> _cell(None, "share"), _cell(0.5, "change"), _cell("<b>", "text")
    ('–', '<span class="up">+50 %</span>', '&lt;b&gt;')
    """
    if value is None:
        return "–"
    if kind == "number":
        return counted(value)
    if kind == "share":
        return percent(value)
    if kind == "change":
        return f'<span class="{"up" if value > 0 else "down"}">{100 * value:+,.0f} %</span>'
    return escape(str(value))
