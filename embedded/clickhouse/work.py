"""One request answered in a thread of its own: its body read, its statement checked and run."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

from embedded.clickhouse.channels import Aborted, Reply
from embedded.clickhouse.compression import decoded, native_decoded
from embedded.clickhouse.connected import apply, external_tables, forget
from embedded.clickhouse.engine import MARK, Connection, Engine, Stats, quoted
from embedded.clickhouse.errors import refusal
from embedded.clickhouse.multipart import parts_of
from embedded.clickhouse.request import Request, split_fields
from embedded.clickhouse.rules import READONLY, Rules
from embedded.clickhouse.sessions import Session
from embedded.clickhouse.statements import Insert, Statement, insert_of, statement_of, with_pipe
from embedded.clickhouse.tokens import Token

__all__ = ["Answer", "Work"]

STATEMENT_MOST = 16 << 20  # bytes of SQL; an INSERT's rows are not counted
FORM_MOST = 256 << 20  # bytes of a form with its external tables
PIECE = 1 << 20
# Formats whose pieces simply follow each other; the engine's own streaming gives them with less latency than a pipe.
_PLAIN_FORMATS = frozenset({"native", "rowbinary", "tabseparated", "tsv"})
_SELECTS = frozenset({"SELECT", "WITH", "FROM"})
_OUTPUTS = _SELECTS | {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK"}
_FOR_GET = (
    "For queries over HTTP, method GET implies readonly. You should use method POST for modifying queries"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is left to say when the work is done: everything, or what did not go through the pipe."""

    format: str | None
    body: bytes
    stats: Stats


@dataclass(slots=True)
class Work:
    """A request and what is needed to answer it; `run` is called in a thread."""

    engine: Engine
    rules: Rules
    request: Request
    body: Iterable[bytes]
    reply: Reply
    mark: str
    session: Session | None
    ids: Callable[[], Mapping[str, str]]
    files: dict[str, bytes] = field(default_factory=dict)

    def run(self) -> Answer:
        """The answer; raises ClickHouseError."""
        try:
            pieces = self._plain_body()
            text = self._form(pieces) if self._is_form() else self._beginning(pieces)
            if self._is_form():
                pieces = iter(())
            insert, text = self._read_head(text, pieces)
            with self._connection() as connection:
                if insert is not None:
                    return self._insert(connection, insert, _joined(text[insert.data_at :], pieces))
                return self._execute(connection, statement_of(_whole(text, pieces)))
        except Aborted as gone:
            raise refusal("ABORTED", str(gone)) from None

    def _plain_body(self) -> Iterator[bytes]:
        pieces = decoded(self.request.headers.get("content-encoding", "").lower(), self.body)
        return native_decoded(pieces) if self.request.decompress else pieces

    def _is_form(self) -> bool:
        return self.request.headers.get("content-type", "").lower().startswith("multipart/form-data")

    def _beginning(self, pieces: Iterator[bytes]) -> bytes:
        return self.request.query + b"\n" if self.request.query else next(pieces, b"")

    def _form(self, pieces: Iterator[bytes]) -> bytes:
        """Takes parameters, settings and files from a form; gives its query."""
        body = b"".join(_limited(pieces, FORM_MOST))
        texts: list[tuple[str, str]] = []
        for part in parts_of(self.request.headers["content-type"], body):
            if part.is_file:
                self.files[part.name] = part.value
            else:
                texts.append((part.name, part.value.decode("utf-8", "surrogateescape")))
        reserved, params, settings = split_fields(texts)
        external = {
            name: settings.pop(name) for name in list(settings) if name.endswith(("_types", "_structure"))
        }
        self.request = replace(
            self.request,
            params=self.request.params | params,
            settings=self.request.settings | settings,
            external=self.request.external | external,
        )
        return self.request.query + reserved.get("query", "").encode("utf-8", "surrogateescape")

    def _read_head(self, text: bytes, pieces: Iterator[bytes]) -> tuple[Insert | None, bytes]:
        """Reads as much of the body as it takes to tell an INSERT with data from other statements."""
        while True:
            try:
                return insert_of(text, whole=False), text
            except EOFError:
                more = next(pieces, None)
            if more is None:
                return insert_of(text, whole=True), text
            text += more

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """A fresh connection, or the session's; prepared as the request wants it."""
        request = self.request
        if self.session is None:
            late = request.user.reader and bool(
                self.files
            )  # external tables first: a reader may not create them
            readonly = request.user.reader and not late
            with closing(
                self.engine.connect(self.mark, database=request.database, readonly=readonly)
            ) as connection:
                external_tables(connection, self.files, request.external)
                if late:
                    own = (f"{name} = {value}" for name, value in self.engine.of_readers.items())
                    connection.query(f"SET {', '.join(own)}".encode())
                apply(connection, request, None)
                yield connection
            return
        if self.files:
            raise refusal("NOT_IMPLEMENTED", "External tables within a session are not supported")
        session = self.session
        if session.connection is None:
            opened = self.engine.connect(self.mark, database=request.database, readonly=request.user.reader)
            session.connection, session.database = opened, request.database
        apply(session.connection, request, session)
        yield session.connection

    def _insert(self, connection: Connection, insert: Insert, rows: Iterator[bytes]) -> Answer:
        self.rules.check(insert.tokens, self.request.params, reader=self.request.user.reader)
        if self.request.method == "GET":
            raise refusal("READONLY", f"{READONLY}. {_FOR_GET}")
        return Answer(None, b"", connection.insert(insert.head, insert.format, rows))

    def _execute(self, connection: Connection, statement: Statement) -> Answer:
        request = self.request
        self.rules.check(statement.tokens, request.params, reader=request.user.reader)
        class_ = connection.class_of(statement.sql)
        self._check_class(connection, statement, class_)
        format_ = statement.format or request.default_format or "TabSeparated"
        if class_ == "READ_ONLY" and statement.verb in _SELECTS:
            if format_.lower() in _PLAIN_FORMATS and not _has_extras(statement.tokens, request.settings):
                return self._streamed(connection, statement.sql, format_)
            return self._piped(connection, statement, format_)
        sql = statement.sql
        if statement.verb == "KILL":
            sql = _with_clients_ids(statement, self.ids())
        if statement.verb == "SET" and self.session is not None:
            forget(connection, self.session)
        body, stats = connection.query(sql, format_)
        return Answer(format_ if body or class_ == "READ_ONLY" else None, body, stats)

    def _check_class(self, connection: Connection, statement: Statement, class_: str) -> None:
        """The engine's own parser has the last word on what a statement does."""
        if class_ == "CONTROL" and statement.verb in _OUTPUTS:
            raise refusal("INTO_OUTFILE_NOT_ALLOWED", "INTO OUTFILE is not allowed")
        if class_ == "UNKNOWN":  # nearly always a syntax error, which the engine tells best here
            connection.query(b"SELECT formatQuery(" + quoted(statement.sql) + b")")
        reader, by_get = self.request.user.reader, self.request.method == "GET"
        if not (reader or by_get) or class_ == "READ_ONLY" or statement.verb in ("SET", "USE"):
            return
        raise refusal("READONLY", READONLY if reader else f"{READONLY}. {_FOR_GET}")

    def _streamed(self, connection: Connection, sql: bytes, format_: str) -> Answer:
        """A SELECT by the engine's streaming: a short answer at once, a long one through a pipe."""
        parts: list[bytes] = []
        size, stats, writer = 0, Stats(), None
        try:
            with closing(connection.stream(sql, format_)) as pieces:
                for piece, seen in pieces:
                    stats = _sum(stats, seen)
                    parts.append(piece)
                    size += len(piece)
                    if writer is None and size > PIECE:
                        writer = self.reply.start(format_)
                    if writer is not None:
                        _write(writer, b"".join(parts))
                        parts.clear()
        finally:
            if writer is not None:
                os.close(writer)
        return Answer(format_, b"".join(parts), stats)

    def _piped(self, connection: Connection, statement: Statement, format_: str) -> Answer:
        """A SELECT whose answer the engine itself writes into the pipe, in any format and in bounded memory."""
        writer = self.reply.start(format_)
        try:
            _, stats = connection.query(with_pipe(statement, f"/dev/fd/{writer}", format_), "Null")
        finally:
            os.close(writer)
        return Answer(format_, b"", stats)


def _joined(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The rows in pieces of about a megabyte: each costs the engine a switch of threads."""
    held = [first]
    size = len(first)
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _limited(pieces: Iterator[bytes], most: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > most:
            raise refusal("QUERY_IS_TOO_LARGE", f"The request is larger than {most} bytes")
        yield piece


def _whole(text: bytes, pieces: Iterator[bytes]) -> bytes:
    return text + b"".join(_limited(pieces, STATEMENT_MOST))


def _write(descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
    except BrokenPipeError:
        raise refusal("QUERY_WAS_CANCELLED", "Query was cancelled") from None


def _sum(total: Stats, piece: Stats) -> Stats:
    return Stats(
        read_rows=total.read_rows + piece.read_rows,
        read_bytes=total.read_bytes + piece.read_bytes,
        result_rows=total.result_rows + piece.result_rows,
        elapsed=total.elapsed + piece.elapsed,
    )


def _has_extras(pieces: Iterable[Token], settings: Mapping[str, str]) -> bool:
    """Totals and extremes come after the rows, and the engine's streaming leaves them out."""
    return "extremes" in settings or any(token.word in ("TOTALS", "EXTREMES") for token in pieces)


def _with_clients_ids(statement: Statement, ids: Mapping[str, str]) -> bytes:
    """KILL QUERY with `query_id` meaning the client's: the engine gives each query an id of its own."""
    if not ids:
        return statement.sql
    marks = b", ".join(quoted(mark) for mark in ids)
    known = b", ".join(quoted(query_id) for query_id in ids.values())
    clients = f"transform(Settings['{MARK}'], [".encode() + marks + b"], [" + known + b"], query_id)"
    sql = statement.sql
    for token in reversed(statement.tokens):
        if token.name.lower() == "query_id":
            sql = sql[: token.start] + clients + sql[token.end :]
    return sql
