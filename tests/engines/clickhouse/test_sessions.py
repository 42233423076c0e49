"""Sessions: what they keep, whom they belong to, and that they serve one query at a time."""

import threading
import time

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from foundation.engines.clickhouse import _arguments
from tests.engines.clickhouse.servers import Place

LOCKED, NOT_FOUND = 373, 372


def test_a_session_keeps_temporary_tables_settings_and_the_database(place: Place) -> None:
    place.ask("CREATE TEMPORARY TABLE kept (a UInt8)", session_id="keeps")
    place.ask("INSERT INTO kept VALUES (1), (2)", session_id="keeps")
    place.ask("SET max_block_size = 77", session_id="keeps")

    said = place.ask("SELECT count(), getSetting('max_block_size') FROM kept", session_id="keeps")

    assert said.body == b"2\t77\n"
    assert place.ask("SELECT * FROM kept", session_id="another").code == 60
    assert place.ask("SELECT * FROM kept").code == 60


def test_settings_of_the_url_hold_for_one_request_of_a_session(place: Place) -> None:
    asked = "SELECT getSetting('max_block_size')"
    place.ask("SET max_block_size = 77", session_id="settings")

    assert place.ask(asked, session_id="settings", max_block_size="5").body == b"5\n"
    assert place.ask(asked, session_id="settings").body == b"77\n"
    assert place.ask("SELECT 1", session_id="settings", max_block_size="x").code
    assert place.ask("SELECT 1", session_id="settings", max_block_size="x").code
    assert place.ask("SET max_block_size = 88", session_id="settings", max_block_size="5").status == 200
    assert place.ask(asked, session_id="settings").body == b"88\n"


def test_a_session_serves_one_query_at_a_time(place: Place) -> None:
    slow = threading.Thread(target=lambda: place.ask("SELECT sleep(1)", session_id="busy"))
    slow.start()
    time.sleep(0.4)

    said = place.ask("SELECT 1", session_id="busy")
    slow.join()

    assert said.code == LOCKED
    assert place.ask("SELECT 1", session_id="busy").body == b"1\n"


def test_a_session_can_be_asked_to_exist(place: Place) -> None:
    said = place.ask("SELECT 1", session_id="never seen", session_check="1")

    assert (said.status, said.code) == (500, NOT_FOUND)


@pytest.mark.slow
def test_a_session_ends_when_it_is_not_used_in_time(place: Place) -> None:
    place.ask("CREATE TEMPORARY TABLE gone (a UInt8)", session_id="short", session_timeout="1")
    time.sleep(2.5)

    assert place.ask("SELECT 1", session_id="short", session_check="1").code == NOT_FOUND


def test_a_session_belongs_to_its_user(embedded: Place) -> None:
    embedded.ask("CREATE TEMPORARY TABLE mine (a UInt8)", session_id="same name")

    assert embedded.ask("SELECT * FROM mine", session_id="same name", user="reader").code == 60
    assert embedded.ask("SELECT 1", session_id="same name", user="reader").body == b"1\n"
    assert embedded.ask("SELECT count() FROM mine", session_id="same name").body == b"0\n"


def test_a_readers_session_stays_readonly(embedded: Place) -> None:
    assert embedded.ask("SET readonly = 0", session_id="r", user="reader").code == 164
    assert embedded.ask("CREATE TEMPORARY TABLE x (a UInt8)", session_id="r", user="reader").code == 164
    assert embedded.ask("SET param_x = 5", session_id="r", user="reader").status == 200
    assert embedded.ask("SELECT {x:UInt8}", session_id="r", user="reader").body == b"5\n"


def test_a_client_with_a_session_of_its_own_works(place: Place) -> None:
    with clickhouse_connect.get_client(
        **_arguments(place.url, 30) | {"autogenerate_session_id": True}
    ) as client:
        client.command("CREATE TEMPORARY TABLE own (a UInt64)")
        client.insert("own", [[1], [2]])

        assert client.query("SELECT sum(a) FROM own", settings={"max_threads": 1}).result_rows == [(3,)]
        with pytest.raises(DatabaseError):
            client.query("SELECT * FROM no_such_table")
        assert client.command("SELECT count() FROM own") == 2


def test_an_invalid_timeout_is_told(place: Place) -> None:
    assert place.ask("SELECT 1", session_id="t", session_timeout="soon").code == 374
