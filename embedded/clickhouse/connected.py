"""What a request brings to its connection: settings, parameters, a database and external tables."""

import re
from collections.abc import Mapping

from embedded.clickhouse.engine import Connection, quoted, quoted_name
from embedded.clickhouse.errors import refusal
from embedded.clickhouse.request import Request
from embedded.clickhouse.sessions import Session

__all__ = ["apply", "external_tables", "forget"]

# The front itself follows these. A reader's go to the engine all the same, which refuses to change them.
_OF_HTTP = frozenset(
    [
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    ]
)
_STRUCTURE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def apply(connection: Connection, request: Request, session: Session | None) -> None:
    """Sets what the URL asks for; raises ClickHouseError for an unknown setting or one a reader may not change."""
    wanted = request.settings
    if not request.user.reader:
        wanted = {name: value for name, value in wanted.items() if name not in _OF_HTTP}
    if session is not None:
        if request.database not in (session.database, "default"):
            connection.query(b"USE " + quoted_name(request.database))
            session.database = request.database
        _override(connection, wanted, session)
        wanted = {}
    given = {name: quoted(value) for name, value in wanted.items()}
    given |= {f"param_{name}": quoted(value) for name, value in request.params.items()}
    _set(connection, given)


def _set(connection: Connection, given: Mapping[str, bytes]) -> None:
    if given:
        connection.query(
            b"SET " + b", ".join(name.encode() + b" = " + value for name, value in given.items())
        )


def _override(connection: Connection, wanted: Mapping[str, str], session: Session) -> None:
    """Makes a request's settings hold for it alone: what an earlier request changed gets the session's own value back."""
    held = session.overridden
    stale = {name: own for name, (_, own) in held.items() if name not in wanted}
    if stale:
        _set(connection, {name: quoted(own) for name, own in stale.items()})
        for name in stale:
            del held[name]
    changed = {name: value for name, value in wanted.items() if name not in held or held[name][0] != value}
    own_values = _values(connection, [name for name in changed if name not in held])
    _set(connection, {name: quoted(value) for name, value in changed.items()})
    for name, value in changed.items():
        held[name] = value, held[name][1] if name in held else own_values.get(name, "")


def _values(connection: Connection, names: list[str]) -> dict[str, str]:
    """The session's own values of settings."""
    if not names:
        return {}
    listed = b", ".join(quoted(name) for name in names)
    # each value as a literal, so that any text comes through
    sql = b"SELECT name, hex(value) FROM system.settings WHERE name IN (" + listed + b")"
    rows = (line.split("\t") for line in connection.query(sql)[0].decode().splitlines())
    return {name: bytes.fromhex(value).decode("utf-8", "surrogateescape") for name, value in rows}


def forget(connection: Connection, session: Session) -> None:
    """Gives a session its own settings back, before a SET of its client changes them for good."""
    _set(connection, {name: quoted(own) for name, (_, own) in session.overridden.items()})
    session.overridden.clear()


def external_tables(connection: Connection, files: Mapping[str, bytes], told: Mapping[str, str]) -> None:
    """Temporary tables from the files of a form; raises ClickHouseError where a structure is missing or broken."""
    for name, data in files.items():
        structure = told.get(f"{name}_structure")
        if structure is None and f"{name}_types" in told:
            kinds = _split_types(told[f"{name}_types"])
            structure = ", ".join(f"_{place} {kind}" for place, kind in enumerate(kinds, start=1))
        if not structure or not _STRUCTURE_NAME.fullmatch(name):
            raise refusal(
                "BAD_ARGUMENTS",
                f"Neither the structure nor the types of the external table {name!r} are given",
            )
        columns = structure.encode("utf-8", "surrogateescape")
        table = quoted_name(name)
        # a table function checks the structure as such: nothing but columns can hide in it
        source = b" AS SELECT * FROM null(" + quoted(columns) + b")"
        connection.query(b"CREATE TEMPORARY TABLE " + table + b" ENGINE = Memory" + source)
        connection.insert(b"INSERT INTO " + table, told.get(f"{name}_format", "TabSeparated"), iter([data]))


def _split_types(types: str) -> list[str]:
    """Types at commas outside of brackets.

    >>> _split_types("Array(Tuple(Int8, String)), UInt8")
    ['Array(Tuple(Int8, String))', 'UInt8']
    """
    parts, depth = [""], 0
    for letter in types:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
