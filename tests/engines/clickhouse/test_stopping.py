"""Queries end when nobody wants them: clients that leave, limits of time, KILL QUERY, and the server's own end."""

# ruff: noqa: S608 -- the tables' names are ours

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.engines.clickhouse.conftest import Table
from tests.engines.clickhouse.servers import Place, Said, Server, served

ENDLESS = "SELECT sum(number) FROM numbers(1000000000000)"
TIMEOUT, CANCELLED, SAME_ID = 159, 394, 216


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as started:
        yield started


def running(place: Place, text: str) -> int:
    sql = f"SELECT count() FROM system.processes WHERE query LIKE '%{text}%' AND query NOT LIKE '%system.processes%'"
    return int(place.ask(sql).body)


def becomes(wanted: int, count: Callable[[], int], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if count() == wanted:
            return True
        time.sleep(0.05)
    return False


def in_background(place: Place, sql: str, **params: str) -> tuple[threading.Thread, list[Said]]:
    said: list[Said] = []
    thread = threading.Thread(target=lambda: said.append(place.ask(sql, **params)))
    thread.start()
    return thread, said


@pytest.mark.slow
@pytest.mark.parametrize("user", ["writer", "reader"])
@pytest.mark.parametrize(
    "sql",
    [
        # Each lasts for minutes, within what a reader may read and be given.
        "SELECT sum(sipHash64(toString(number))) AS gone_{} FROM numbers(4000000000)",
        "SELECT number AS gone_{} FROM numbers(90000000) FORMAT Native",
        "SELECT number AS gone_{} FROM numbers(90000000) FORMAT JSON",
    ],
)
def test_a_client_that_leaves_takes_its_query_along(embedded: Place, sql: str, user: str) -> None:
    text = f"gone_{user}"
    with closing(embedded.connection(user)) as connection:
        connection.request("POST", "/", sql.format(user), {"Authorization": embedded.authorization(user)})
        assert becomes(1, lambda: running(embedded, text), 10)

    assert becomes(0, lambda: running(embedded, text), 3)


@pytest.mark.slow
def test_a_client_that_leaves_in_the_middle_of_an_insert_inserts_nothing_more(
    embedded: Place, table: Table
) -> None:
    name = table("a UInt64")
    connection = embedded.connection()
    connection.putrequest("POST", f"/?query=INSERT+INTO+segue.{name}+FORMAT+TSV")
    connection.putheader("Authorization", embedded.authorization("writer"))
    connection.putheader("Content-Length", "100000000")
    connection.endheaders(b"1\n" * 2_000_000)

    connection.close()

    assert becomes(0, lambda: running(embedded, f"INSERT INTO segue.{name}"), 5)
    assert embedded.ask(f"SELECT count() FROM {name}").body == b"0\n"


@pytest.mark.slow
def test_a_query_ends_at_its_time_limit(place: Place) -> None:
    begun = time.monotonic()

    said = place.ask(ENDLESS, max_execution_time="1")

    assert said.code == TIMEOUT
    assert time.monotonic() - begun < 4


@pytest.mark.slow
def test_a_query_can_be_killed_by_its_id(place: Place) -> None:
    thread, said = in_background(place, f"/* killed */ {ENDLESS}", query_id="kill me 'please'")
    assert becomes(1, lambda: running(place, "killed"), 10)

    other = place.ask("KILL QUERY WHERE query_id = 'no such' SYNC")
    killed = place.ask(r"KILL QUERY WHERE query_id = 'kill me \'please\'' SYNC")
    thread.join(5)

    assert other.body == b""
    assert killed.body
    assert said[0].code == CANCELLED


@pytest.mark.slow
def test_two_queries_may_not_run_under_one_id(place: Place) -> None:
    thread, _ = in_background(place, f"/* same */ {ENDLESS}", query_id="one id", max_execution_time="3")
    assert becomes(1, lambda: running(place, "same"), 10)

    said = place.ask("SELECT 1", query_id="one id")
    thread.join()

    assert said.code == SAME_ID
    assert place.ask("SELECT 1", query_id="one id").body == b"1\n"


@pytest.mark.slow
def test_many_queries_at_once_are_answered_or_refused_and_ping_always_answers(server: Server) -> None:
    place = server.place
    threads = [in_background(place, "SELECT sleep(2)") for _ in range(80)]
    time.sleep(0.8)

    begun = time.monotonic()
    alive = place.ask(path="/ping", method="GET", user="")
    took = time.monotonic() - begun
    for thread, _ in threads:
        thread.join()
    codes = [said[0].code for _, said in threads]

    assert alive.body == b"Ok.\n"
    assert took < 1
    assert set(codes) <= {0, 202}
    assert codes.count(0) >= 60


@pytest.mark.slow
def test_the_server_ends_within_seconds_of_being_asked_whatever_runs(server: Server) -> None:
    threads = [in_background_until_gone(server.place) for _ in range(3)]
    time.sleep(0.7)

    begun = time.monotonic()
    code = server.stop()
    for thread in threads:
        thread.join()

    assert code == 0
    assert time.monotonic() - begun < 8


def in_background_until_gone(place: Place) -> threading.Thread:
    def ask() -> None:
        with suppress(OSError, http.client.HTTPException):
            place.ask(ENDLESS)

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def test_an_idle_server_ends_cleanly(server: Server) -> None:
    server.place.ask("SELECT 1", session_id="open")

    assert server.stop() == 0


@pytest.mark.slow
def test_a_taken_port_and_missing_passwords_are_told(
    server: Server, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("other")
    command = [sys.executable, "-m", "embedded.clickhouse", "--path", str(folder), "--port", str(server.port)]
    command += ["--writer", "w", "--reader", "r"]
    passwords = {"SEGUE_CLICKHOUSE_WRITER_PASSWORD": "a", "SEGUE_CLICKHOUSE_READER_PASSWORD": "b"}

    taken = subprocess.run(command, env=os.environ | passwords, capture_output=True, text=True, check=False)
    without = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False)

    assert (taken.returncode, without.returncode) == (1, 1)
    assert "cannot listen on" in taken.stderr
    assert "SEGUE_CLICKHOUSE_WRITER_PASSWORD" in without.stderr
