"""ClickHouse's HTTP interface itself: where SQL and data may stand, headers, statuses, compression and errors."""

# ruff: noqa: S608 -- the tables' names are ours

import gzip
import http.client
import json
import struct

import lz4.block
import lz4.frame
import pytest
import zstandard

from embedded.clickhouse.cityhash import city_hash_128
from foundation.engines.clickhouse import Client
from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place


def test_anybody_may_ask_whether_it_is_alive(place: Place) -> None:
    said = place.ask(path="/ping", method="GET", headers={"Authorization": ""})

    assert (said.status, said.body) == (200, b"Ok.\n")


def test_sql_may_stand_in_the_body_or_the_url_or_both(place: Place) -> None:
    assert place.ask("SELECT 1 + 1").body == b"2\n"
    assert place.ask(query="SELECT 1 + 1", method="GET").body == b"2\n"
    assert place.ask("1 + 1", query="SELECT").body == b"2\n"


def test_rows_may_follow_the_sql_or_stand_alone_in_the_body(
    place: Place, writer: Client, table: Table
) -> None:
    name = table("a UInt8, b String")

    place.ask(f"INSERT INTO {name} FORMAT CSV\n1,one\n")
    place.ask("2,two\n", query=f"INSERT INTO {name} (a, b) FORMAT CSV")
    place.ask('{"b": "three", "a": 3}', query=f"INSERT INTO {name} FORMAT JSONEachRow")
    place.ask(f"insert into {name} values (4, 'four'), (4 + 1, upper('five'))")
    place.ask(" (6, 'VALUES (7, ')", query=f"INSERT INTO {name} /* FORMAT CSV */ VALUES")
    place.ask(f"INSERT INTO {name} (a) SETTINGS max_threads = 1 FORMAT TSV\r\n8\n")

    rows = writer.query(f"SELECT * FROM {name} ORDER BY a").result_rows
    assert rows == [
        (1, "one"),
        (2, "two"),
        (3, "three"),
        (4, "four"),
        (5, "FIVE"),
        (6, "VALUES (7, "),
        (8, ""),
    ]


def test_an_answer_names_its_query_format_zone_and_summary(place: Place) -> None:
    said = place.ask(
        "SELECT number FROM numbers(10) FORMAT JSONEachRow", query_id="my query", wait_end_of_query="1"
    )

    summary = json.loads(said.headers["x-clickhouse-summary"])
    assert said.headers["x-clickhouse-query-id"] == "my query"
    assert said.headers["x-clickhouse-format"] == "JSONEachRow"
    assert said.headers["x-clickhouse-timezone"]
    assert summary["read_rows"] == "10"


@pytest.mark.parametrize(
    ("sql", "status", "code"),
    [
        ("SELECT * FROM no_such_table", 404, 60),
        ("SELECT no_such_column", 404, 47),
        ("SELECT no_such_function(1)", 404, 46),
        ("SELECT 1 FORMAT NoSuchFormat", 404, 73),
        ("SELECT * FROM no_such_database.t", 404, 81),
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT throwIf(1)", 500, 395),
    ],
)
def test_errors_have_clickhouses_codes_and_statuses(place: Place, sql: str, status: int, code: int) -> None:
    said = place.ask(sql, query="" if sql else " ")

    assert (said.status, said.code) == (status, code)
    assert said.text.startswith(f"Code: {code}. DB::Exception: ")


def test_an_unknown_setting_in_the_url_is_an_error(place: Place) -> None:
    said = place.ask("SELECT 1", no_such_setting="1")

    assert (said.status, said.code) == (404, 115)


def test_several_statements_are_refused_but_a_last_semicolon_is_not(place: Place) -> None:
    said = place.ask("SELECT 1; SELECT 2")

    assert (said.status, said.code) == (400, 62)
    assert place.ask("SELECT ';' ; -- and no more; \n").body == b";\n"


def test_get_changes_nothing(place: Place, table: Table) -> None:
    name = table("a UInt8")

    insert = place.ask(query=f"INSERT INTO {name} VALUES (1)", method="GET")
    drop = place.ask(query=f"DROP TABLE {name}", method="GET")

    assert (insert.code, drop.code) == (164, 164)
    assert place.ask(query=f"SELECT count() FROM {name}", method="GET").body == b"0\n"


@pytest.mark.parametrize(
    "format_",
    [
        "JSON",
        "JSONCompact",
        "CSVWithNames",
        "TSVWithNamesAndTypes",
        "Parquet",
        "Arrow",
        "XML",
        "Pretty",
        "Values",
    ],
)
def test_every_format_is_one_whole_document(place: Place, format_: str) -> None:
    sql = "SELECT number AS a, toString(number) AS b FROM numbers(200000)"

    whole = place.ask(f"{sql} FORMAT {format_}").body
    waited = place.ask(sql, default_format=format_, wait_end_of_query="1").body

    assert len(whole) > 1000
    assert len(whole) == pytest.approx(len(waited), abs=200)  # JSON tells the time it took
    if format_.startswith("JSON"):
        assert json.loads(whole)["rows"] == 200_000
    if format_ == "CSVWithNames":
        assert whole.count(b'"a"') == 1
    if format_ == "Parquet":
        assert whole[:4] == whole[-4:] == b"PAR1"


def test_totals_come_with_the_rows(place: Place) -> None:
    sql = "SELECT number % 3 AS k, count() FROM numbers(9) GROUP BY k WITH TOTALS ORDER BY k"

    assert place.ask(sql).body == b"0\t3\n1\t3\n2\t3\n\n0\t9\n"
    assert int(json.loads(place.ask(f"{sql} FORMAT JSON").body)["totals"]["count()"]) == 9


@pytest.mark.parametrize("way", ["gzip", "lz4", "zstd", "deflate"])
def test_answers_are_compressed_only_when_asked(place: Place, way: str) -> None:
    sql = "SELECT number FROM numbers(1000)"

    plain = place.ask(sql, enable_http_compression="1")
    packed = place.ask(sql, headers={"Accept-Encoding": way}, enable_http_compression="1")
    refused = place.ask(sql, headers={"Accept-Encoding": way}, enable_http_compression="0")

    assert "content-encoding" not in plain.headers
    assert refused.body == plain.body
    assert packed.headers["content-encoding"] == way
    if way == "gzip":
        assert gzip.decompress(packed.body) == plain.body
    if way == "lz4":
        assert lz4.frame.decompress(packed.body) == plain.body
    if way == "zstd":
        assert zstandard.ZstdDecompressor().decompressobj().decompress(packed.body) == plain.body


def native_blocks(data: bytes) -> bytes:
    plain = b""
    while data:
        method, size, full = struct.unpack_from("<BII", data, 16)
        assert data[:16] == city_hash_128(data[16 : 16 + size])
        assert method == 0x82
        plain += lz4.block.decompress(data[25 : 16 + size], uncompressed_size=full)
        data = data[16 + size :]
    return plain


def test_clickhouses_own_compression_works_both_ways(place: Place, writer: Client, table: Table) -> None:
    name = table("a UInt64")

    answer = place.ask("SELECT number FROM numbers(300000)", compress="1")
    packed = answer.body
    insert = place.ask(packed, query=f"INSERT INTO {name} FORMAT TSV", decompress="1")

    assert native_blocks(packed) == place.ask("SELECT number FROM numbers(300000)").body
    assert insert.status == 200
    assert writer.command(f"SELECT count() FROM {name}") == 300_000


def test_an_error_after_the_first_megabyte_stands_between_its_tags(embedded: Place) -> None:
    connection = embedded.connection()
    headers = {"Authorization": embedded.authorization("writer")}
    connection.request(
        "POST", "/", "SELECT throwIf(number = 9000000), number FROM numbers(10000000)", headers
    )
    answer = connection.getresponse()

    with pytest.raises(http.client.IncompleteRead) as cut_off:
        answer.read()
    body = cut_off.value.partial
    tag = answer.getheader("x-clickhouse-exception-tag", "").encode()
    connection.close()

    assert answer.status == 200
    assert b"__exception__\r\n" + tag + b"\r\nCode: 395. DB::Exception: " in body
    assert body.endswith(b" " + tag + b"\r\n__exception__\r\n")


def test_an_early_error_keeps_its_status(place: Place) -> None:
    said = place.ask("SELECT throwIf(number = 1000), number FROM numbers(2000) SETTINGS max_block_size = 100")

    assert (said.status, said.code) == (500, 395)


def test_waiting_for_the_end_keeps_the_status_of_a_late_error(place: Place) -> None:
    said = place.ask("SELECT throwIf(number = 3000000), number FROM numbers(5000000)", wait_end_of_query="1")

    assert (said.status, said.code) == (500, 395)


def test_a_form_brings_the_query_its_parameters_and_external_tables(place: Place) -> None:
    boundary = "segue-boundary"
    parts = [
        ('name="query"', "SELECT count(), sum(x), {v:String} FROM ext"),
        ('name="param_v"', "it's"),
        ('name="ext"; filename="ext"', "1\n2\n3\n"),
    ]
    body = "".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n" for head, value in parts
    )

    said = place.ask(
        f"{body}--{boundary}--\r\n",
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
        ext_structure="x UInt8",
    )

    assert said.body == b"3\t6\tit\\'s\n"


def test_users_are_known_by_headers_by_basic_or_by_the_url(embedded: Place) -> None:
    named = {"X-ClickHouse-User": "reader", "X-ClickHouse-Key": "r-Secret/2"}

    assert embedded.ask("SELECT 1", user="", headers=named).status == 200
    assert embedded.ask("SELECT 1", user="", path="/?user=reader&password=r-Secret/2").status == 200
    assert embedded.ask("SELECT 1", user="", path="/?password=w-Secret/1").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "wrong"},
        {"X-ClickHouse-User": "nobody", "X-ClickHouse-Key": ""},
        {"Authorization": "Basic !!!"},
        {"Authorization": "Bearer abc"},
        {"Authorization": "Basic d3JpdGVyOg=="},
    ],
)
def test_others_are_not(embedded: Place, headers: dict[str, str]) -> None:
    said = embedded.ask("SELECT 1", user="", headers=headers)

    assert (said.status, said.code) == (403, 516)
