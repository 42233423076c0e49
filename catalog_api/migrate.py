"""Brings the catalog's Postgres schema to the newest version; costs one query when it already is."""

from pathlib import Path

import psycopg

from foundation.engines import postgres
from foundation.errors import Problem

MIGRATIONS = Path(__file__).parent / "migrations"
VERSIONS = tuple(sorted(path.stem for path in (MIGRATIONS / "versions").glob("v*.py")))
LOCK = 0x5E60E_0001  # any number, the same for everyone who migrates


class SchemaTooNew(Problem):
    """The database was migrated by a newer Segue than this one."""

    status, title = 503, "The database is newer than this Segue"


def migrate(url: str) -> list[str]:
    """Apply the missing steps in one transaction and return their names. Two at once wait for each other."""
    with postgres.connection(url, name="segue migrate") as db:
        current = version(db)
    if current == VERSIONS[-1]:
        return []
    if current is not None and current not in VERSIONS:
        raise SchemaTooNew(
            f"the schema is at {current}, which this version does not know; start the newer Segue"
        )
    return _upgrade(url)


def version(db: psycopg.Connection) -> str | None:
    """The newest step applied to this database, None for an empty one."""
    known = db.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
    if known is None or not known[0]:
        return None
    row = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def _upgrade(url: str) -> list[str]:
    from alembic import command  # noqa: PLC0415 - 0.2 s that a current database need not pay
    from alembic.config import Config  # noqa: PLC0415
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    with postgres.sync_engine(url).begin() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
        before = MigrationContext.configure(connection).get_current_revision()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    return [name for name in VERSIONS if before is None or name > before]
