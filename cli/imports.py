"""`segue import`: takes in listening history and says what became of each row."""

from pathlib import Path
from typing import TYPE_CHECKING, overload

from cli import say
from cli.running import running
from foundation import settings as foundation_settings
from foundation.clock import utc_now
from foundation.contracts.history import History
from foundation.settings import Settings

if TYPE_CHECKING:
    from catalog_api.imports.catalogue import Catalogue
    from catalog_api.imports.report import CatalogueReport, ImportReport


def run(path: str, *, listener: str | None) -> None:
    """Read the whole of `path`, then store it, then print accepted, duplicate and refused."""
    from catalog_api.imports.recognise import read

    told = read(Path(path), now=utc_now(), listener=listener)
    with running(foundation_settings.load()) as connected:
        report = import_with_progress(connected, told.history, name=told.name, digest=told.digest)
    for text in report.lines():
        say.out.print(text, markup=False)


@overload
def import_with_progress(
    connected: Settings, told: History, *, name: str = "", digest: bytes = b""
) -> "ImportReport": ...


@overload
def import_with_progress(
    connected: Settings, told: "Catalogue", *, name: str = "", digest: bytes = b""
) -> "CatalogueReport": ...


def import_with_progress(
    connected: Settings, told: "History | Catalogue", *, name: str = "", digest: bytes = b""
) -> "ImportReport | CatalogueReport":
    """Store a history or a catalog through a log of its own, with progress bars; everything is queryable afterwards."""
    from catalog_api.imports.service import Importer
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
            return importer.bring_in(told, name=name, digest=digest)
    finally:
        warehouse.close()
        log.close()
