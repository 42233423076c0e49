"""What a reader may not do, and what nobody may: every door to files, programs and the network."""

# ruff: noqa: S608 -- the tables' names are ours

from pathlib import Path
from typing import Any

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from foundation.engines.clickhouse import Client
from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place

READONLY, INTO_OUTFILE, ACCESS = 164, 358, 497


def test_a_reader_reads(reader: Any, table: Table, writer: Client) -> None:
    name = table("a UInt8")
    writer.insert(name, [[1], [2]])

    assert reader.query(f"SELECT sum(a) FROM {name}").result_rows == [(3,)]
    assert reader.command("SELECT {x:String}", parameters={"x": "y"}) == "y"
    assert reader.query_arrow(f"SELECT * FROM {name}").num_rows == 2


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} VALUES (1)",
        "INSERT INTO {t} SELECT 1",
        "CREATE TABLE other (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE other (a UInt8)",
        "ALTER TABLE {t} DELETE WHERE 1",
        "TRUNCATE TABLE {t}",
        "DROP TABLE {t}",
        "OPTIMIZE TABLE {t}",
        "SET readonly = 0",
        "SET max_threads = 77",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_threads = 77",
        "CREATE FUNCTION f AS x -> x",
        "SYSTEM FLUSH LOGS",
        "KILL QUERY WHERE 1",
        "ATTACH TABLE {t}",
        "DETACH TABLE {t}",
        "BACKUP TABLE {t} TO Disk('default', 'b')",
        "CREATE USER u",
        "GRANT ALL ON *.* TO reader",
    ],
)
def test_a_reader_changes_nothing(embedded: Place, table: Table, writer: Client, sql: str) -> None:
    name = table("a UInt8")

    said = embedded.ask(sql.format(t=name), user="reader")

    assert said.code == READONLY, said.text
    assert writer.command(f"EXISTS TABLE {name}") == 1


def test_a_reader_changes_no_setting_by_the_url(readable: Place) -> None:
    assert readable.ask("SELECT 1", user="reader", max_threads="77").code == READONLY
    assert readable.ask("SELECT 1", user="reader", readonly="0").code == READONLY


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM file('{p}')",
        "SELECT * FROM `file`('{p}')",
        "SELECT * FROM FILE('{p}', 'CSV', 'a String')",
        "SELECT * FROM file /* why not */ ('{p}')",
        "SELECT file('{p}')",
        "SELECT \"file\"('{p}')",
        "SELECT arrayMap(file, ['{p}'])",
        "SELECT arrayMap(x -> file(x), ['{p}'])",
        "SELECT * APPLY(file) FROM (SELECT '{p}' AS x)",
        "SELECT COLUMNS('x') APPLY file FROM (SELECT '{p}' AS x)",
        "WITH file AS f SELECT arrayMap(f, ['{p}'])",
        "DESCRIBE file('{p}')",
        "DESCRIBE TABLE file('{p}', 'CSV')",
        "EXPLAIN SELECT * FROM file('{p}')",
        "SELECT * FROM view(SELECT * FROM file('{p}'))",
        "SELECT * FROM loop(file('{p}'))",
        "SELECT * FROM fileCluster('default', '{p}')",
        "SELECT * FROM filesystem('/')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV')",
        "SELECT * FROM executable('cat', 'CSV', 'a String')",
        "SELECT * FROM sqlite('{p}', 't')",
        "SELECT * FROM remote('127.0.0.1', 'system', 'one')",
        "SELECT * FROM s3('http://127.0.0.1:1/x.csv')",
        "SELECT * FROM icebergLocal('/tmp')",
        "SELECT * FROM deltaLakeLocal('/tmp')",
        "SELECT * FROM eval('SELECT 1')",
        "SELECT * FROM python(x)",
        "SELECT * FROM Python(x)",
        "SELECT * FROM arrowstream(1)",
        "SELECT * FROM default.`{p}`",
        "SELECT * FROM '{p}'",
        "INSERT INTO FUNCTION file('{p}') SELECT 1",
        "SELECT * FROM mysql('127.0.0.1:1', 'a', 'b', 'c', 'd')",
    ],
)
def test_a_reader_reaches_nothing_outside_of_the_database(embedded: Place, tmp_path: Path, sql: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret,1\n")

    said = embedded.ask(sql.format(p=secret), user="reader")

    assert said.code in (READONLY, 60, ACCESS), said.text
    assert "secret,1" not in said.text
    assert "c1" not in said.text


def test_a_reader_cannot_name_a_door_by_a_parameter(embedded: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("secret,1\n")

    said = embedded.ask(
        "SELECT arrayMap({f:Identifier}, [{p:String}])", user="reader", param_f="file", param_p=str(secret)
    )
    quoted = embedded.ask(
        "SELECT arrayMap({f:Identifier}, [{p:String}])", user="reader", param_f="`file`", param_p=str(secret)
    )

    assert said.code == READONLY
    assert quoted.code
    assert "secret,1" not in quoted.text


def test_a_reader_may_write_the_words_in_strings(readable: Place) -> None:
    assert readable.ask(
        "SELECT 'file(1)', 'INTO OUTFILE', \"file()\" FROM (SELECT 1 AS `file()`)", user="reader"
    ).body == (b"file(1)\tINTO OUTFILE\t1\n")


OUTFILES = [
    "SELECT 1 INTO OUTFILE '{p}'",
    "select 1 into outfile '{p}' format CSV",
    "SELECT 1 INTO\n\t OUTFILE\n'{p}'",
    "SELECT 1 INTO/**/OUTFILE/* x */'{p}'",
    "SELECT 1 INTO -- a\nOuTfIlE # b\n'{p}'",
    "SELECT 'a' INTO OUTFILE '{p}' TRUNCATE",
    "SELECT 1 INTO OUTFILE '{p}' AND STDOUT",
    "SELECT 1 INTO OUTFILE $${p}$$",
    "SELECT 1 INTO\u00a0OUTFILE '{p}'",
    "SELECT 1 INTO\u2003OUTFILE ‘{p}’",
    "SHOW TABLES INTO OUTFILE '{p}'",
    "DESCRIBE system.one INTO OUTFILE '{p}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{p}'",
    "(SELECT 1) INTO OUTFILE '{p}'",
    "SELECT 1 UNION ALL SELECT 2 INTO OUTFILE '{p}' COMPRESSION 'gzip'",
    "WITH 1 AS x SELECT x INTO OUTFILE '{p}'",
    "SELECT '\\' INTO OUTFILE ' INTO OUTFILE '{p}'",
    "SELECT '''' INTO OUTFILE '{p}'",
    "SELECT 1 AS `INTO` INTO OUTFILE '{p}'",
]


@pytest.mark.parametrize("user", ["writer", "reader"])
@pytest.mark.parametrize("sql", OUTFILES)
def test_nobody_writes_a_file(embedded: Place, tmp_path: Path, sql: str, user: str) -> None:
    said = embedded.ask(sql.format(p=tmp_path / "out").encode(), user=user)

    assert said.code in (INTO_OUTFILE, 62), said.text
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {t} FROM INFILE '{p}' FORMAT CSV",
        "insert into {t} (a) from/**/infile '{p}' compression 'none' format CSV",
        "INSERT INTO {t} FROM\nInFile '{p}'",
        "INSERT INTO {t} FROM INFILE $${p}$$ FORMAT CSV",
    ],
)
def test_nobody_inserts_from_a_file(
    embedded: Place, table: Table, writer: Client, tmp_path: Path, sql: str
) -> None:
    name = table("a String")
    (tmp_path / "in.csv").write_text("secret\n")

    said = embedded.ask(sql.format(t=name, p=tmp_path / "in.csv"))

    assert said.code in (78, 62), said.text
    assert writer.command(f"SELECT count() FROM {name}") == 0


def test_tables_may_be_called_outfile_and_infile(embedded: Place) -> None:
    embedded.ask("CREATE TABLE outfile (a UInt8) ENGINE = MergeTree ORDER BY a")
    embedded.ask("CREATE TABLE infile (a UInt8) ENGINE = MergeTree ORDER BY a")

    assert embedded.ask("INSERT INTO outfile VALUES (1)").status == 200
    assert embedded.ask("INSERT INTO outfile SELECT 2").status == 200
    assert embedded.ask("INSERT INTO infile SELECT * FROM outfile").status == 200
    assert embedded.ask("SELECT count() FROM infile").body == b"2\n"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM executable('cat', 'CSV', 'a String')",
        "SELECT * FROM python(users)",
        "SELECT * FROM Python(users)",
        "SELECT * FROM arrowstream(12345)",
        "SELECT * FROM file('{p}')",
        "INSERT INTO FUNCTION file('{p}') SELECT 1",
        "INSERT INTO TABLE FUNCTION `file` /* */ ('{p}', 'CSV', 'a UInt8') VALUES (1)",
        "CREATE TABLE f (a UInt8) ENGINE = File(CSV, '{p}')",
        "CREATE DATABASE f ENGINE = Filesystem('/')",
        "CREATE DATABASE f ENGINE = SQLite('{p}')",
        "SELECT * FROM icebergLocal('/tmp')",
        "CREATE DICTIONARY f (a UInt64) PRIMARY KEY a SOURCE(EXECUTABLE(COMMAND 'touch {p}' FORMAT 'CSV'))",
        "SELECT * FROM default.`{p}`",
        "INSERT INTO default.`{p}` VALUES (1, 2)",
    ],
)
def test_the_writer_reaches_no_file_no_program_and_no_memory(
    embedded: Place, tmp_path: Path, sql: str
) -> None:
    file = tmp_path / "file.csv"
    file.write_text("secret,1\n")

    said = embedded.ask(sql.format(p=file))

    assert said.code in (ACCESS, 60), said.text
    assert file.read_text() == "secret,1\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_table_and_a_column_may_be_called_file(embedded: Place) -> None:
    embedded.ask("CREATE TABLE IF NOT EXISTS file (file String) ENGINE = MergeTree ORDER BY file")

    assert embedded.ask("INSERT INTO file (file) VALUES ('x')").status == 200
    assert embedded.ask("SELECT file FROM file").body == b"x\n"


def test_nothing_of_one_request_is_left_for_the_next(embedded: Place) -> None:
    embedded.ask("SET max_block_size = 77")
    embedded.ask("USE system")
    embedded.ask("CREATE TEMPORARY TABLE leftover (a UInt8)")

    assert embedded.ask("SELECT getSetting('max_block_size') = 77, currentDatabase()").body == b"0\tsegue\n"
    assert embedded.ask("SELECT * FROM leftover").code == 60


def test_a_refusal_is_an_exception_of_the_client(reader: Any, table: Table) -> None:
    name = table("a UInt8")

    with pytest.raises(DatabaseError) as refused:
        reader.insert(name, [[1]])

    assert refused.value.code == READONLY
