"""Queries, inserts and parameters through clickhouse-connect, synchronous and asynchronous."""

# ruff: noqa: S608 -- the tables' names are ours

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import clickhouse_connect
import lz4.frame
import pandas as pd
import pyarrow as pa
import pytest
import zstandard
from clickhouse_connect.driver.exceptions import DatabaseError
from clickhouse_connect.driver.external import ExternalData

from foundation.engines.clickhouse import Client, _arguments
from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place

COLUMNS = (
    "a UInt64, b LowCardinality(String), c Nullable(Float64), d Array(String), e Map(String, UInt8), "
    "f Tuple(Int8, String), g DateTime('UTC'), h DateTime64(3, 'UTC'), i UUID, j Enum8('x' = 1, 'y' = 2), "
    "k Decimal(18, 4), l FixedString(4), m UInt128, n Int256, o Nullable(String), p Bool, q Date, "
    "r LowCardinality(Nullable(String)), s Array(Nullable(Int32)), t IPv4"
)


def row(number: int) -> list[Any]:
    at = datetime(2026, 11, 22, 12, 0, number % 60, tzinfo=UTC).replace(
        tzinfo=None
    )  # as the client gives UTC
    return [
        number,
        f"genre {number % 3}",
        None if number % 2 else number / 3,
        ["é", "it's", "a\tb\nc\\"][: number % 4],
        {"k": number % 200},
        (number % 100, "z"),
        at,
        at.replace(microsecond=4000),
        UUID(int=number),
        "y",
        Decimal("1.5000"),
        b"abcd",
        2**100 + number,
        -(2**200),
        None if number % 5 else "text",
        number % 2 == 0,
        at.date(),
        None,
        [1, None],
        "10.0.0.1",
    ]


def test_creating_a_client_learns_version_timezone_and_settings(writer: Client) -> None:
    assert int(writer.server_version.split(".")[0]) >= 24
    assert writer.server_tz is not None
    assert len(writer.server_settings) > 500


def test_rows_of_every_type_come_back_as_they_were(client: Any, table: Table) -> None:
    name = table(COLUMNS)
    rows = [row(number) for number in range(100)]

    summary = client.insert(name, rows)
    result = client.query(f"SELECT * FROM {name} ORDER BY a")

    back = [
        [str(value) if column == 19 else value for column, value in enumerate(each)]
        for each in result.result_rows
    ]
    assert summary.written_rows == 100
    assert back == rows
    assert result.column_names == tuple("abcdefghijklmnopqrst")


def test_columns_arrow_and_frames_can_be_inserted(client: Any, table: Table) -> None:
    name = table("a UInt32, b String")

    client.insert(name, [[1, 2], ["x", "y"]], column_names=["a", "b"], column_oriented=True)
    client.insert_arrow(name, pa.table({"a": pa.array([3, 4], pa.uint32()), "b": ["x", "y"]}))
    client.insert_df(name, pd.DataFrame({"a": [5, 6], "b": ["x", "y"]}))

    assert client.query(f"SELECT count(), sum(a), groupUniqArray(b) FROM {name}").result_rows[0][:2] == (
        6,
        21,
    )


@pytest.mark.parametrize("compress", [False, "lz4", "zstd", "gzip"])
def test_inserts_of_many_blocks_are_complete_however_compressed(
    place: Place, table: Table, compress: bool | str
) -> None:
    name = table("a UInt64, b String")
    columns = [list(range(300_000)), ["some text"] * 300_000]

    with clickhouse_connect.get_client(**_arguments(place.url, 30), compress=compress) as client:
        summary = client.insert(name, columns, ["a", "b"], column_oriented=True)
        result = client.query(f"SELECT count(), sum(a) FROM {name}")

    assert summary.written_rows == 300_000
    assert result.result_rows == [(300_000, sum(range(300_000)))]


@pytest.mark.parametrize("compression", [None, "lz4", "zstd", "gzip"])
def test_raw_inserts_take_the_compression_they_name(
    client: Any, table: Table, compression: str | None
) -> None:
    name = table("a UInt64, b String")
    plain = b"".join(b"%d\tit's \\t %d\n" % (number, number) for number in range(5000))

    client.raw_insert(name, ["a", "b"], packed(plain, compression), fmt="TSV", compression=compression)

    assert client.query(f"SELECT count(), sum(a), any(b LIKE 'it''s \t %') FROM {name}").result_rows == [
        (5000, sum(range(5000)), True)
    ]


def packed(plain: bytes, compression: str | None) -> bytes:
    if compression == "lz4":
        return bytes(lz4.frame.compress(plain))
    if compression == "zstd":
        return zstandard.ZstdCompressor().compress(plain)
    if compression == "gzip":
        return gzip.compress(plain)
    return plain


def test_arrow_frames_and_arrays_can_be_queried(client: Any) -> None:
    sql = "SELECT number AS a, toString(number) AS b, number / 2 AS c FROM numbers(100000)"

    arrow = client.query_arrow(sql)
    frame = client.query_df(sql)
    array = client.query_np("SELECT number, number * 2 FROM numbers(1000)")

    assert arrow.num_rows == 100_000
    assert arrow.schema.field("a").type == pa.uint64()
    assert frame["a"].sum() == sum(range(100_000))
    assert array.shape == (1000, 2)


def test_an_empty_result_keeps_its_columns_in_arrow(client: Any) -> None:
    arrow = client.query_arrow("SELECT number AS a, 'x' AS b FROM numbers(0)")
    rows = client.query("SELECT number AS a FROM numbers(0)").result_rows

    assert (arrow.num_rows, arrow.column_names) == (0, ["a", "b"])
    assert list(rows) == []


def test_commands_answer_with_a_value_or_nothing(client: Any, table: Table) -> None:
    name = table("a UInt8")

    assert client.command("SELECT 7") == 7
    assert client.command("SELECT 'x', 'y'") == ["x", "y"]
    assert client.command(f"INSERT INTO {name} VALUES (1), (1 + 1)").written_rows == 2
    assert client.command(f"EXISTS TABLE {name}") == 1
    assert client.command(f"SELECT a FROM {name} WHERE a > 100") == ""


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("String", 'it\'s "a" `b` \\ \t \n \r \0 é 🎵 {x} ; -- /* $$'),
        ("String", ""),
        ("UInt64", 2**64 - 1),
        ("Float64", 0.1),
        ("Array(String)", ["a'b", "c\td", "", "\\", "\n"]),
        ("Array(UInt32)", list(range(1000))),
        ("Nullable(String)", None),
        ("DateTime64(3, 'UTC')", datetime(2026, 1, 2, 3, 4, 5, 6000, tzinfo=UTC).replace(tzinfo=None)),
        ("Tuple(String, Int8)", ("x'y", -1)),
        ("Bool", True),
        ("UUID", UUID(int=5)),
        ("Decimal(18, 4)", Decimal("1.2345")),
    ],
)
def test_parameters_of_every_type_arrive_as_they_were(client: Any, kind: str, value: Any) -> None:
    result = client.query("SELECT {v:" + kind + "} AS v", parameters={"v": value})

    assert result.result_rows == [(value,)]


def test_identifiers_can_be_parameters(client: Any, table: Table) -> None:
    name = table("a UInt8")

    client.command("INSERT INTO {t:Identifier} VALUES (3)", parameters={"t": name})

    assert client.query(
        "SELECT {c:Identifier} FROM {t:Identifier}", parameters={"c": "a", "t": name}
    ).result_rows == [(3,)]


def test_settings_of_a_query_hold_for_it_alone(client: Any) -> None:
    before = client.command("SELECT getSetting('max_block_size')")

    assert client.query(
        "SELECT getSetting('max_block_size')", settings={"max_block_size": 77}
    ).result_rows == [(77,)]
    assert client.command("SELECT getSetting('max_block_size')") == before


def test_an_unknown_setting_and_a_missing_table_have_clickhouses_codes(client: Any) -> None:
    with pytest.raises(DatabaseError) as missing:
        client.query("SELECT * FROM no_such_table")
    with pytest.raises(DatabaseError) as unknown:
        client.command("SELECT 1 SETTINGS no_such_setting = 1")
    with pytest.raises(DatabaseError) as broken:
        client.query("SELEC 1")

    assert (missing.value.code, missing.value.name) == (60, "UNKNOWN_TABLE")
    assert unknown.value.code == 115
    assert broken.value.code == 62


def test_summaries_tell_what_was_read_and_written(client: Any, table: Table) -> None:
    name = table("a UInt64")

    written = client.command(f"INSERT INTO {name} SELECT number FROM numbers(10)")
    read = client.query(f"SELECT sum(a) FROM {name}")

    assert written.written_rows == 10
    assert int(read.summary["read_rows"]) == 10
    assert read.query_id


def test_external_data_can_be_joined(client: Any) -> None:
    external = ExternalData(
        data=b"1\tone\n2\ttwo\n", fmt="TSV", structure=["id UInt8", "name String"], file_name="names"
    )
    result = client.query(
        "SELECT name FROM names WHERE id = {id:UInt8}", parameters={"id": 2}, external_data=external
    )

    assert result.result_rows == [("two",)]


def test_parameters_can_travel_in_a_form(place: Place) -> None:
    text = "it's\n" * 10_000
    with clickhouse_connect.get_client(**_arguments(place.url, 30), form_encode_query_params=True) as client:
        result = client.query(
            "SELECT length({x:String}), {y:Array(String)}", parameters={"x": text, "y": ["a'b"]}
        )

    assert result.result_rows == [(len(text), ["a'b"])]


def test_answers_are_compressed_as_the_client_asks(place: Place) -> None:
    for way in ("zstd", "lz4", "gzip", False):
        with clickhouse_connect.get_client(**_arguments(place.url, 30), compress=way) as client:
            assert (
                len(client.query("SELECT number, toString(number) FROM numbers(200000)").result_rows)
                == 200_000
            )


def test_an_error_in_the_middle_of_an_answer_reaches_the_client(client: Any) -> None:
    with pytest.raises(Exception, match="throwIf") as raised:
        client.query_arrow("SELECT throwIf(number = 9000000) FROM numbers(10000000)")

    assert "395" in str(raised.value)
