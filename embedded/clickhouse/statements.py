"""What one request asks for: a statement, or an INSERT's head and where its data begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from embedded.clickhouse.errors import refusal
from embedded.clickhouse.tokens import Kind, Token, tokens

__all__ = ["Insert", "Statement", "insert_of", "statement_of", "with_pipe"]

HEAD_LIMIT = 262_144  # bytes: ClickHouse's max_query_size
_SELECTS = frozenset({"SELECT", "WITH", "FROM", "WATCH"})


@dataclass(frozen=True, slots=True)
class Insert:
    """An INSERT whose rows follow in a format."""

    tokens: tuple[Token, ...]
    head: bytes  # INSERT INTO t (a, b) SETTINGS …, without FORMAT
    format: str
    data_at: int  # where in the text the rows begin


@dataclass(frozen=True, slots=True)
class Statement:
    """Any other statement."""

    tokens: tuple[Token, ...]
    sql: bytes
    format: str | None  # what its FORMAT says
    format_at: int  # where its FORMAT stands, else where the statement ends
    ends_at: int

    @property
    def verb(self) -> str:
        """Its first keyword, in upper case; of `(SELECT 1)` it is SELECT."""
        return next((token.word for token in self.tokens if not token.is_mark(b"(")), "")


def insert_of(text: bytes, *, whole: bool) -> Insert | None:
    """The INSERT with data that `text` begins with; None when it is another statement.

    Raises EOFError when `text` is only the beginning (not `whole`) and what it is cannot be told yet.
    """
    more_may_come = not whole and len(text) < HEAD_LIMIT
    seen: list[Token] = []
    depth = 0
    for token in tokens(text[:HEAD_LIMIT]):
        if more_may_come and (token.end == len(text) or token.kind is Kind.BROKEN):
            raise EOFError
        seen.append(token)
        if seen[0].word != "INSERT":
            return None
        depth += token.is_mark(b"(") - token.is_mark(b")")
        turn = "" if depth else _turn(seen)
        if turn == "SELECT":
            return None
        if turn == "VALUES":
            return Insert(tuple(seen), text[: token.start], "Values", token.end)
        if turn == "FORMAT":
            data_at = _data_start(text, token.end)
            if more_may_come and data_at == len(text):
                raise EOFError
            return Insert(tuple(seen), text[: seen[-2].start], token.text.decode(), data_at)
    if more_may_come:
        raise EOFError
    return None


def _turn(seen: Sequence[Token]) -> str:
    """Whether the last of these tokens ends an INSERT's head, and how; a table may be called by any of the words."""
    if len(seen) < 3 or seen[-2].is_mark(b"."):
        return ""
    last, before, naming = seen[-1], seen[-2].word, ("INTO", "TABLE")
    if before == "FORMAT" and last.kind is Kind.WORD and seen[-3].word not in naming:
        return "FORMAT"
    if last.word == "VALUES" and before not in naming:
        return "VALUES"
    return "SELECT" if last.word in _SELECTS and before not in naming else ""


def _data_start(text: bytes, after: int) -> int:
    """Rows begin after one line break, or after the blanks where there is none."""
    at = after
    while at < len(text) and text[at : at + 1] in (b" ", b"\t", b"\f"):
        at += 1
    if text[at : at + 1] == b"\r":
        at += 1
    if text[at : at + 1] == b"\n":
        at += 1
    return at


def statement_of(text: bytes) -> Statement:
    """The one statement in `text`.

    >>> statement_of(b"SELECT 1 FORMAT JSON;").format
    'JSON'

    Raises ClickHouseError for none and for several.
    """
    pieces = tuple(tokens(text))
    end = next((place for place, token in enumerate(pieces) if token.is_mark(b";")), len(pieces))
    if any(not token.is_mark(b";") for token in pieces[end:]):
        at = pieces[end].start + 1
        raise refusal(
            "SYNTAX_ERROR", f"Syntax error (Multi-statements are not allowed): failed at position {at}"
        )
    pieces = pieces[:end]
    if not pieces:
        raise refusal("SYNTAX_ERROR", "Syntax error: failed at position 1 (end of query): Empty query")
    ends_at = pieces[-1].end
    format_, format_at = _format_of(pieces)
    return Statement(pieces, text[:ends_at], format_, ends_at if format_at is None else format_at, ends_at)


def _format_of(pieces: tuple[Token, ...]) -> tuple[str | None, int | None]:
    """A FORMAT clause: outside of brackets, with a name that ends the statement or stands before SETTINGS."""
    depth = 0
    found: tuple[str | None, int | None] = None, None
    for place, (token, name) in enumerate(pairwise(pieces)):
        depth += token.is_mark(b"(") - token.is_mark(b")")
        if depth or place == 0 or token.word != "FORMAT" or name.kind is not Kind.WORD:
            continue
        if place + 2 == len(pieces) or pieces[place + 2].word == "SETTINGS":
            found = name.text.decode(), token.start
    return found


def with_pipe(statement: Statement, path: str, format_: str) -> bytes:
    """The same statement, writing its answer into the pipe at `path`.

    >>> with_pipe(statement_of(b"SELECT 1"), "/dev/fd/9", "CSV")
    b"SELECT 1\\nINTO OUTFILE '/dev/fd/9' APPEND\\nFORMAT CSV"
    """
    into = f"\nINTO OUTFILE '{path}' APPEND\n".encode()
    clause = statement.sql[statement.format_at :] or f"FORMAT {format_}".encode()
    return statement.sql[: statement.format_at] + into + clause
