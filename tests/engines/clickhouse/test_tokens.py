"""The tokenizer against its laws, and against the engine's own parser."""

# ruff: noqa: S608 -- the tables' names are ours

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from chdb import _chdb
from hypothesis import given, settings
from hypothesis import strategies as st

from embedded.clickhouse.errors import ClickHouseError
from embedded.clickhouse.rules import Rules
from embedded.clickhouse.statements import insert_of, statement_of
from embedded.clickhouse.tokens import Kind, tokens

RULES = Rules.of(["file", "url", "numbers", "python"])

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=20)
WORDS = st.sampled_from(
    ["INTO OUTFILE", "into outfile 'x'", "FROM INFILE 'x'", "file('x')", ";", "--", "/*", "$$"]
)
ANYTHING = st.lists(TEXT | WORDS, max_size=4).map(" ".join)


def escaped(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


def doubled(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, quote * 2) + quote


LITERALS = st.builds(lambda text, way: way(text, "'"), ANYTHING, st.sampled_from([escaped, doubled]))
IDENTIFIERS = st.builds(
    lambda text, way, quote: way(text or "x", quote),
    ANYTHING,
    st.sampled_from([escaped, doubled]),
    st.sampled_from(['"', "`"]),
)
HEREDOCS = ANYTHING.filter(lambda text: "$" not in text).map(lambda text: f"$tag${text}$tag$")
COMMENTS = st.one_of(
    ANYTHING.filter(lambda text: "*/" not in text and "/*" not in text).map(lambda text: f"/*{text}*/"),
    ANYTHING.map(lambda text: "--" + text.replace("\n", " ") + "\n"),
    ANYTHING.map(lambda text: "# " + text.replace("\n", " ") + "\n"),
)
GAPS = st.sampled_from([" ", "\n", "\t", " \r\n", "\f", "\u00a0", "\u2003"]) | COMMENTS.map(
    lambda comment: f" {comment} "
)


def any_case(word: str) -> st.SearchStrategy[str]:
    return st.tuples(*(st.sampled_from([letter.lower(), letter.upper()]) for letter in word)).map("".join)


@given(st.binary(max_size=200))
def test_any_bytes_are_cut_without_loss_or_overlap(sql: bytes) -> None:
    pieces = list(tokens(sql))

    assert all(sql[piece.start : piece.end] == piece.text for piece in pieces)
    assert all(one.end <= other.start for one, other in pairwise(pieces))


@given(LITERALS | HEREDOCS)
def test_a_literal_is_one_token_whatever_it_holds(literal: str) -> None:
    pieces = list(tokens(f"SELECT {literal} x".encode()))

    assert [piece.kind for piece in pieces] == [Kind.WORD, Kind.STRING, Kind.WORD]


@given(IDENTIFIERS)
def test_a_quoted_identifier_is_one_token_whatever_it_holds(identifier: str) -> None:
    pieces = list(tokens(f"SELECT {identifier} x".encode()))

    assert [piece.kind for piece in pieces] == [Kind.WORD, Kind.QUOTED, Kind.WORD]


@given(COMMENTS)
def test_a_comment_is_nothing_whatever_it_holds(comment: str) -> None:
    assert [piece.text for piece in tokens(f"SELECT {comment} 1".encode())] == [b"SELECT", b"1"]


@given(any_case("into"), GAPS, any_case("outfile"), GAPS, st.lists(LITERALS | IDENTIFIERS, max_size=3), GAPS)
def test_into_outfile_is_found_in_any_disguise(
    into: str, gap: str, outfile: str, other_gap: str, values: list[str], last_gap: str
) -> None:
    listed = ", ".join(["1", *values])
    statement = statement_of(f"SELECT {listed}{last_gap}{into}{gap}{outfile}{other_gap}'/tmp/x'".encode())

    with pytest.raises(ClickHouseError) as refused:
        RULES.check(statement.tokens, {}, reader=False)

    assert refused.value.code == 358


@given(st.lists(LITERALS | IDENTIFIERS | HEREDOCS, min_size=1, max_size=4), GAPS)
def test_words_inside_literals_and_comments_are_never_refused(values: list[str], gap: str) -> None:
    statement = statement_of(f"SELECT {gap} {', '.join(values)} {gap} FROM t".encode())

    RULES.check(statement.tokens, {}, reader=False)
    assert statement.verb == "SELECT"


@pytest.fixture(scope="module")
def connection() -> Iterator[Any]:
    opened = _chdb.connect(":memory:")
    yield opened
    opened.close()


@settings(deadline=None)
@given(values=st.lists(LITERALS | HEREDOCS, min_size=1, max_size=3), gap=GAPS)
def test_the_engine_cuts_literals_and_comments_as_we_do(connection: Any, values: list[str], gap: str) -> None:
    sql = f"SELECT {gap} {', '.join(values)} {gap}".encode()

    class_ = connection.classify_query(sql)

    assert class_["query_class"].name == "READ_ONLY"
    assert class_["statement_count"] == 1
    assert sum(piece.kind is Kind.STRING for piece in tokens(sql)) == len(values)


@given(st.binary(max_size=60), st.sampled_from(["Native", "CSV", "JSONEachRow"]))
def test_rows_after_an_insert_are_never_read_as_sql(rows: bytes, format_: str) -> None:
    head = f"INSERT INTO db.t (a, `b)`) SETTINGS max_threads = 1 FORMAT {format_}\n".encode()

    insert = insert_of(head + rows, whole=True)

    assert insert is not None
    assert (insert.format, (head + rows)[insert.data_at :]) == (format_, rows)
    assert insert.head.endswith(b"max_threads = 1 ")


@given(st.integers(0, 60))
def test_a_beginning_is_never_mistaken_for_the_whole(cut: int) -> None:
    whole = b"INSERT INTO t (a) FORMAT CSV\n" + b"1\n" * 50

    try:
        insert = insert_of(whole[:cut], whole=False)
    except EOFError:
        return

    assert insert is not None
    assert (insert.format, insert.data_at) == ("CSV", 29)


@pytest.mark.parametrize(
    ("sql", "format_"),
    [
        (b"SELECT 1 FORMAT JSON", "JSON"),
        (b"SELECT 1 format TSV;", "TSV"),
        (b"SELECT 1 FORMAT CSV SETTINGS max_threads = 1", "CSV"),
        (b"SELECT format FROM t", None),
        (b"SELECT a AS format FORMAT CSV", "CSV"),
        (b"SELECT 'FORMAT JSON'", None),
        (b"SELECT * FROM (SELECT 1 FORMAT JSON)", None),
        (b"SELECT format SETTINGS max_threads = 1", None),
        (b"SELECT 1 /* FORMAT JSON */", None),
    ],
)
def test_the_format_of_a_statement(sql: bytes, format_: str | None) -> None:
    assert statement_of(sql).format == format_


@pytest.mark.parametrize(
    "sql",
    [
        b"INSERT INTO t SELECT 1 FORMAT CSV",
        b"INSERT INTO values SELECT 1",
        b"INSERT INTO t (a) WITH 1 AS x SELECT x",
        b"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        b"SELECT 'INSERT INTO t FORMAT CSV'",
        b"WITH 1 AS x INSERT INTO t SELECT x",
    ],
)
def test_statements_that_bring_no_rows(sql: bytes) -> None:
    assert insert_of(sql, whole=True) is None
