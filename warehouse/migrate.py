"""Brings the warehouse's tables to the newest version: applies each numbered SQL file once, in order."""

from pathlib import Path
from typing import Protocol

MIGRATIONS = Path(__file__).parent / "migrations"
QUERIES = Path(__file__).parent / "queries"


class Commands(Protocol):
    """What migrating needs of a ClickHouse client."""

    def command(self, cmd: str, parameters: dict[str, object] | None = None) -> object:
        """Run one statement and return its single value, if it has one."""


def migrate(client: Commands) -> list[str]:
    """Apply what is missing and return the names of the files applied; every statement may be run again."""
    client.command(
        "CREATE TABLE IF NOT EXISTS schema_versions (name String, applied_at DateTime DEFAULT now()) "
        "ENGINE = ReplacingMergeTree ORDER BY name"
    )
    applied = str(
        client.command("SELECT arrayStringConcat(groupArray(name), ',') FROM schema_versions FINAL")
    )
    missing = [path for path in sorted(MIGRATIONS.glob("*.sql")) if path.stem not in applied.split(",")]
    for path in missing:
        for statement in statements(path.read_text()):
            client.command(statement)
        client.command("INSERT INTO schema_versions (name) SELECT {name:String}", {"name": path.stem})
    return [path.stem for path in missing]


def statements(sql: str) -> list[str]:
    """The statements of a migration: they end with a semicolon at the end of a line.

    >>> statements("SELECT 1;" + chr(10) + "-- two" + chr(10) + "SELECT 2;" + chr(10))
    ['SELECT 1', '-- two\\nSELECT 2']
    """
    return [statement.strip() for statement in (sql + "\n").split(";\n") if statement.strip()]


def query(name: str) -> str:
    """The text of a report query: `query("trending")`."""
    return (QUERIES / f"{name}.sql").read_text()
