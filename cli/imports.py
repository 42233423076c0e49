"""`segue import`: takes in listening history and says what became of each row, or what would become of it."""

import json
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, overload

from cli import say
from cli.running import running
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.contracts.history import History
from foundation.engines.disk import replace_file
from foundation.errors import Problem
from foundation.ids import UserId
from foundation.settings import Settings

if TYPE_CHECKING:
    from catalog_api.imports.catalogue import Catalogue
    from catalog_api.imports.report import CatalogueReport, ImportReport
    from catalog_api.imports.service import Asked


class NothingToPreview(Problem):
    """A preview was asked for, or a match, of what is no listening history."""


@dataclass(frozen=True, slots=True)
class Matching:
    """How the songs of a history find those of the catalog, and whether that is only shown."""

    is_preview: bool = False
    is_joining: bool = False
    threshold: float = 0.8
    json: str | None = None  # where a preview is written

    def __post_init__(self) -> None:
        if self.json is not None and not self.is_preview:
            raise NothingToPreview("--json FILE is for a preview: add --preview")


def run(path: str, *, listener: str | None, account: int | None, matching: Matching) -> None:
    """Read the whole of `path`, then store it, then print accepted, duplicate and refused; or show what would be done."""
    from catalog_api.imports.recognise import read
    from catalog_api.imports.service import Asked

    owner = None if account is None else UserId(account)
    told = read(Path(path), now=utc_now(), listener=listener, account=owner)
    history = told.history
    if not isinstance(history, History) and (matching.is_preview or matching.is_joining):
        raise NothingToPreview(
            f"{path} is a catalog, whose songs are known by their ids: nothing is to be matched"
        )
    with running(foundation_settings.load()) as connected:
        if isinstance(history, History) and matching.is_preview:
            lines = _previewed(connected, history, matching)
        else:
            threshold = matching.threshold if matching.is_joining else None
            asked = Asked(told.name, told.digest, threshold, owner)
            report = import_with_progress(connected, history, asked)
            lines = report.lines()
    for text in lines:
        say.out.print(text, markup=False)


def _previewed(connected: Settings, history: History, matching: Matching) -> list[str]:
    """The preview, which is also written as JSON where that was asked for."""
    from catalog_api.imports.matching.preview import preview
    from foundation.engines import clickhouse

    with closing(clickhouse.open_clickhouse_reader(connected.engines.clickhouse_reader)) as warehouse:
        shown = preview(history, connected.engines.postgres, warehouse, matching.threshold)
    if matching.json is not None:
        replace_file(Path(matching.json), json.dumps(shown.as_dict(), ensure_ascii=False, indent=1).encode())
    return shown.lines()


@overload
def import_with_progress(
    connected: Settings, told: History, asked: "Asked | None" = None
) -> "ImportReport": ...


@overload
def import_with_progress(
    connected: Settings, told: "Catalogue", asked: "Asked | None" = None
) -> "CatalogueReport": ...


def import_with_progress(
    connected: Settings, told: "History | Catalogue", asked: "Asked | None" = None
) -> "ImportReport | CatalogueReport":
    """Store a history or a catalog through a log of its own, with progress bars; everything is queryable afterwards."""
    from catalog_api.imports.service import PLAIN, Importer
    from catalog_api.imports.shipping import Shipping
    from event_log.opening import open_log
    from foundation.engines import clickhouse

    log = open_log(connected, "import")
    warehouse = clickhouse.open_clickhouse_reader(connected.engines.clickhouse_reader)
    try:
        with say.bars() as bars:
            importer = Importer(
                connected.engines.postgres,
                warehouse,
                log,
                Shipping(connected.log_dir),
                utc_now,
                lambda what, done, whole: bars(what, done / whole if whole else 1.0),
            )
            return importer.bring_in(told, asked or PLAIN)
    finally:
        warehouse.close()
        log.close()
