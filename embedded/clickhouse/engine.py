"""The one chDB engine of this process: opening it, connections to it, and killing what runs in it."""

import os
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import chdb

from embedded.clickhouse.errors import from_engine

__all__ = ["Connection", "Engine", "Stats", "quoted", "quoted_name"]

_native: Any = vars(chdb)["_chdb"]  # an extension without types
_ERRORS = (RuntimeError, ValueError, TypeError, MemoryError)  # what it raises
_PLAIN = re.compile(r"[A-Za-z0-9_]+")
# A setting no single server uses: it marks each connection's queries in system.processes, to find and kill them.
MARK = "cluster_for_parallel_replicas"

# What one question of a reader may take, so that an analyst's slip leaves the engine to the others. The jobs read as the same
# user: the largest matrix of listeners and songs must fit. A reader cannot change them, since readonly=1 lets no setting be changed.
READER_SECONDS = 300
READER_LIMITS = {
    "max_rows_to_read": "5000000000",
    "max_result_rows": "100000000",
    "timeout_before_checking_execution_speed": "0",  # the time itself, not an estimate of it
    # The events that come in go first (the shipper has 1): while it asks, a reader waits for so long at each step.
    "priority": "2",
    "low_priority_query_wait_time_ms": "100",
}

# What is acknowledged is on disk: after an insert, and after a merge has replaced what was inserted.
_CONFIG = """<clickhouse>
    <max_server_memory_usage>{max_memory}</max_server_memory_usage>
    <merge_tree>
        <fsync_after_insert>1</fsync_after_insert>
        <fsync_part_directory>1</fsync_part_directory>
        <min_compressed_bytes_to_fsync_after_merge>1</min_compressed_bytes_to_fsync_after_merge>
    </merge_tree>
</clickhouse>
"""


@dataclass(frozen=True, slots=True)
class Stats:
    """What a statement read and wrote."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    elapsed: float = 0.0


def quoted(value: bytes | str) -> bytes:
    """A string literal.

    >>> quoted("it's")
    b"'it\\\\'s'"
    """
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return b"'" + raw.replace(b"\\", b"\\\\").replace(b"'", b"\\'") + b"'"


def quoted_name(name: str) -> bytes:
    """A quoted identifier."""
    raw = name.encode("utf-8", "surrogateescape")
    return b"`" + raw.replace(b"\\", b"\\\\").replace(b"`", b"\\`") + b"`"


class Connection:
    """One chDB connection: its settings and temporary tables are its own. Used by one thread at a time."""

    def __init__(self, raw: Any, mark: str) -> None:
        self._raw, self.mark = raw, mark

    def query(self, sql: bytes, format_: str = "TabSeparated") -> tuple[bytes, Stats]:
        """Runs a statement and gives its whole answer."""
        try:
            result = self._raw.query(sql, format_)
            return result.bytes(), _stats(result)
        except _ERRORS as error:
            raise from_engine(error) from None

    def stream(self, sql: bytes, format_: str) -> Generator[tuple[bytes, Stats], None, None]:
        """Runs a SELECT and gives its answer in pieces; closing the iterator cancels it."""
        raw, running = self._raw, None
        try:
            running = raw.send_query(sql, format_)
            while True:
                piece = raw.streaming_fetch_result(running)
                if piece is None or not piece.rows_read():
                    running = None
                    if piece is not None:
                        yield b"", _stats(piece)
                    return
                yield piece.bytes(), _stats(piece)
        except _ERRORS as error:
            running = None
            raise from_engine(error) from None
        finally:
            if running is not None:
                raw.streaming_cancel_query(running)

    def insert(self, head: bytes, format_: str, rows: Iterator[bytes]) -> Stats:
        """Inserts encoded rows as they arrive, and commits them after the last."""
        raw, inserting = self._raw, None
        try:
            inserting = raw.send_insert(head, format_)
            for piece in rows:
                if piece:
                    raw.insert_append(inserting, piece)
            finished, inserting = inserting, None
            return _stats(raw.insert_done(finished))
        except _ERRORS as error:
            raise from_engine(error) from None
        finally:
            if inserting is not None:
                with suppress(*_ERRORS):  # it has failed already, and that error is the one to tell
                    raw.insert_cancel(inserting)

    def class_of(self, sql: bytes) -> str:
        """What the engine's parser takes the statement for, such as READ_ONLY or MUTATING; UNKNOWN if it cannot."""
        try:
            return str(self._raw.classify_query(sql)["query_class"].name)
        except _ERRORS:  # not UTF-8, for one: the statement itself will tell
            return "UNKNOWN"

    def close(self) -> None:
        """Ends the connection; what was temporary is gone."""
        self._raw.close()


def _stats(result: Any) -> Stats:
    return Stats(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        written_rows=result.rows_written(),
        written_bytes=result.bytes_written(),
        result_rows=result.rows_read(),
        elapsed=result.elapsed(),
    )


class Engine:
    """The engine on one folder. chDB allows one folder per process and one process per folder."""

    def __init__(
        self, path: Path, *, max_memory: int, database: str, reader_seconds: int = READER_SECONDS
    ) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if set("?&#") & set(os.fspath(path)):
            raise ValueError(f"chDB cannot open a path with ?, & or #: {path}")
        self._path = os.fspath(path)
        self.max_memory, self.reader_seconds = max_memory, reader_seconds
        config = path / "front.xml"
        config.write_text(_CONFIG.format(max_memory=max_memory))
        # this first connection configures the whole engine, and keeps it open
        self._keeper = self._open({"config-file": os.fspath(config)}, "keeper")
        self._killer = self._open({}, "killer")
        self._keeper.query(b"CREATE DATABASE IF NOT EXISTS " + quoted_name(database))
        self._close_default()
        self.version, self.timezone = self._words(b"SELECT version(), timezone()")[0]
        self.table_functions = [row[0] for row in self._words(b"SELECT name FROM system.table_functions")]

    def _close_default(self) -> None:
        """Makes `default` an ordinary database: chDB lays it over the file system, where every path is a table.

        While tables are in it, it stays as it is: only the writer reaches files through it then.
        """
        if self._words(b"SELECT count() FROM system.tables WHERE database = 'default'") == [["0"]]:
            self._keeper.query(b"DROP DATABASE IF EXISTS default")
            self._keeper.query(b"CREATE DATABASE default ENGINE = Atomic")

    def _words(self, sql: bytes) -> list[list[str]]:
        return [line.split("\t") for line in self._keeper.query(sql)[0].decode().splitlines()]

    def _open(self, options: Mapping[str, str], mark: str) -> Connection:
        given = "&".join(f"{name}={value}" for name, value in {MARK: mark, **options}.items())
        try:
            return Connection(_native.connect(f"{self._path}?{given}"), mark)
        except _ERRORS as error:
            raise from_engine(error) from None

    @property
    def of_readers(self) -> dict[str, str]:
        """The settings of a reader's connection; the last of them keeps the others as they are."""
        limits = {
            "max_memory_usage": str(self.max_memory // 4),
            "max_execution_time": str(self.reader_seconds),
        }
        return {**READER_LIMITS, **limits, "readonly": "1"}

    def connect(self, mark: str, *, database: str, readonly: bool) -> Connection:
        """A fresh connection, with a server's defaults rather than those of a local tool.

        One query may take half of the memory, so that a hungry one fails before the others do; a reader's a quarter.
        """
        options = {
            "implicit_select": "0",
            "allow_introspection_functions": "0",
            "max_memory_usage": str(self.max_memory // 2),
        }
        if readonly:
            options |= self.of_readers
        plain = _PLAIN.fullmatch(database) is not None
        if plain:
            options["database"] = database
        connection = self._open(options, mark)
        if not plain:
            try:
                connection.query(b"USE " + quoted_name(database))
            except BaseException:
                connection.close()
                raise
        return connection

    def kill(self, mark: str) -> None:
        """Asks the queries of a connection to stop; returns at once. Not for two threads at a time."""
        where = f"Settings['{MARK}'] = '{mark}'".encode()
        self._killer.query(b"KILL QUERY WHERE " + where + b" ASYNC")

    def close(self) -> None:
        """Closes the engine; everything acknowledged is in its folder."""
        self._killer.close()
        self._keeper.close()
