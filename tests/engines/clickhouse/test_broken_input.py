"""Whatever is sent, the answer is an error as ClickHouse tells it, and the next query works."""

# ruff: noqa: S608 -- the tables' names are ours

import gzip
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import lz4.frame
import pytest
import zstandard

from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place


@pytest.fixture(autouse=True)
def still_alive(place: Place) -> Iterator[None]:
    yield

    assert place.ask("SELECT 1").body == b"1\n"


@pytest.mark.parametrize("way", ["gzip", "lz4", "zstd", "deflate"])
def test_a_body_that_cannot_be_unpacked(place: Place, table: Table, way: str) -> None:
    name = table("a String")

    said = place.ask(
        b"garbage" * 100, query=f"INSERT INTO {name} FORMAT TSV", headers={"Content-Encoding": way}
    )

    assert said.status >= 400
    assert said.text.startswith("Code: ")


@pytest.mark.parametrize("way", ["gzip", "lz4", "zstd"])
def test_a_body_that_is_cut_off_inserts_nothing(place: Place, table: Table, way: str) -> None:
    name = table("a String")
    rows = b"a row\n" * 10_000
    packed = {"gzip": gzip.compress, "lz4": lz4.frame.compress, "zstd": zstandard.ZstdCompressor().compress}[
        way
    ](rows)

    said = place.ask(
        packed[: len(packed) // 2], query=f"INSERT INTO {name} FORMAT TSV", headers={"Content-Encoding": way}
    )

    assert said.status >= 400
    assert place.ask(f"SELECT count() FROM {name}").body == b"0\n"


def test_an_unknown_compression(place: Place) -> None:
    assert place.ask(b"SELECT 1", headers={"Content-Encoding": "rot13"}).status >= 400


def test_blocks_with_a_wrong_checksum(place: Place, table: Table) -> None:
    name = table("a String")
    packed = bytearray(place.ask("SELECT 'x' FROM numbers(1000)", compress="1").body)
    packed[20] ^= 255

    said = place.ask(bytes(packed), query=f"INSERT INTO {name} FORMAT TSV", decompress="1")

    assert said.status >= 400
    assert place.ask(f"SELECT count() FROM {name}").body == b"0\n"


@pytest.mark.parametrize(
    "format_", ["Native", "ArrowStream", "Parquet", "RowBinary", "JSONEachRow", "CSV", "NoSuch"]
)
def test_rows_that_are_no_rows(place: Place, table: Table, format_: str) -> None:
    name = table("a UInt64, b UInt64")

    said = place.ask(b'\xff\xfe{"garbage"' * 50, query=f"INSERT INTO {name} FORMAT {format_}")

    assert said.status >= 400
    assert place.ask(f"SELECT count() FROM {name}").body == b"0\n"


@pytest.mark.parametrize(
    "sql",
    [
        b"SELECT \xff\xfe",
        b"SELECT `\xff\xfe`",
        b"\xff" * 100,
        b"\0",
        b"SELECT 'x",
        b"SELECT /* x",
        b"(" * 5000,
        b"{}",
    ],
)
def test_sql_that_is_none(place: Place, sql: bytes) -> None:
    said = place.ask(sql)

    assert said.status >= 400
    assert said.text.startswith("Code: ")


def test_bytes_that_are_no_utf8_may_stand_in_strings(place: Place) -> None:
    assert place.ask(b"SELECT '\xff\xfe' FORMAT TSVRaw").body == b"\xff\xfe\n"
    assert place.ask("SELECT 1", path="/?param_x=%FF%FE").status == 200


def test_a_huge_url(place: Place) -> None:
    said = place.ask(query="SELECT '" + "x" * 2_000_000 + "'", method="GET")

    assert said.status in (400, 414)


def test_a_statement_longer_than_the_limit(place: Place) -> None:
    said = place.ask("SELECT '" + "x" * 1_000_000 + "'")

    assert said.code == 62


@pytest.mark.parametrize("length", [b"100000", b"-5", b"x", b""])
def test_a_wrong_content_length(place: Place, length: bytes) -> None:
    parts = urlsplit(place.url)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: " + place.authorization("writer").encode()

    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(head + b"\r\nContent-Length: " + length + b"\r\n\r\nSELECT 1")
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(4096)

    assert answer == b"" or int(answer.split()[1]) >= 400


def test_something_that_is_not_http(place: Place) -> None:
    parts = urlsplit(place.url)

    with socket.create_connection((parts.hostname, parts.port), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20 + b"\r\n\r\n")
        connection.recv(4096)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        (
            "multipart/form-data; boundary=b",
            b"--b\r\nContent-Disposition: form-data; name=query\r\n\r\nSELECT 1",
        ),
        ("multipart/form-data; boundary=b", b"--b\r\nno head\r\n\r\nSELECT 1\r\n--b--\r\n"),
    ],
)
def test_a_broken_form(place: Place, kind: str, body: bytes) -> None:
    assert place.ask(body, headers={"Content-Type": kind}).status >= 400


def test_an_unknown_path_and_method(embedded: Place) -> None:
    assert embedded.ask(path="/nowhere", method="GET").status == 404
    assert embedded.ask("SELECT 1", method="DELETE").status == 501


def test_a_query_that_wants_too_much_memory_fails_alone(place: Place) -> None:
    said = place.ask("SELECT groupArray(number) FROM numbers(100000000)", max_memory_usage="100000000")

    assert (said.status, said.code) == (500, 241)
