"""The schema: made once, by one of many, and equal to what the code believes it is."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import catalog_api.account_data.tables
import catalog_api.accounts.tables
import catalog_api.albums.tables
import catalog_api.artists.tables
import catalog_api.auth.tables
import catalog_api.genres.tables
import catalog_api.history.tables
import catalog_api.listeners.tables
import catalog_api.lyrics.tables
import catalog_api.playlists.tables
import catalog_api.revocations.repository
import catalog_api.social.tables
import catalog_api.songs.tables
import catalog_api.subscriptions.tables  # noqa: F401
from catalog_api.migrate import MIGRATIONS, VERSIONS, SchemaTooNew, migrate
from foundation.clock import microseconds
from foundation.contracts.events import PlaylistChanged, SongChanged, decode
from foundation.engines import postgres


def test_migrating_again_changes_nothing_and_takes_no_time(empty_database: str) -> None:
    applied = migrate(empty_database)

    begun = time.perf_counter()
    again = migrate(empty_database)
    took = time.perf_counter() - begun

    assert applied == list(VERSIONS)
    assert again == []
    assert took < 1


def test_an_empty_catalog_knows_the_genres_that_a_song_may_be_uploaded_with(empty_database: str) -> None:
    migrate(empty_database)

    with postgres.connection(empty_database) as db:
        names = {name for (name,) in db.execute("SELECT name FROM genres")}

    assert names == {"rock", "pop", "jazz", "classical", "hip-hop"}


def test_of_many_who_migrate_at_once_one_does_it(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(migrate, [empty_database] * 4))

    assert sorted(applied) == [[], [], [], list(VERSIONS)]


def test_a_database_of_a_newer_version_is_refused(empty_database: str) -> None:
    migrate(empty_database)
    with postgres.connection(empty_database) as db:
        db.execute("UPDATE alembic_version SET version_num = 'v9999_later'")

    with pytest.raises(SchemaTooNew, match="v9999_later"):
        migrate(empty_database)


def test_the_steps_form_one_line_that_ends_at_the_newest() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))

    heads = ScriptDirectory.from_config(config).get_heads()

    assert heads == [VERSIONS[-1]]


def test_the_mapped_tables_are_those_of_the_schema(catalog: str) -> None:
    mapped = postgres.Base.metadata

    with postgres.sync_engine(catalog).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _object, name, kind, *_: (
                    name in mapped.tables
                    if kind == "table"
                    else kind != "index"  # indexes are the migrations' own
                )
            },
        )
        differences = compare_metadata(context, mapped)

    assert differences == []


def test_every_step_can_be_taken_back_and_again(empty_database: str) -> None:
    migrate(empty_database)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with postgres.sync_engine(empty_database).begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        left = connection.exec_driver_sql(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
        ).scalars()
        tables = list(left)

    again = migrate(empty_database)

    assert tables == ["alembic_version"]
    assert again == list(VERSIONS)


def test_songs_with_albums_and_public_playlists_of_before_are_told_to_the_charts(empty_database: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with postgres.sync_engine(empty_database).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "v0013_history_imports")
    with postgres.connection(empty_database) as db:
        db.execute("INSERT INTO users (display_name, country) VALUES ('Ann', 'NZ')")
        db.execute("INSERT INTO artists (name) VALUES ('Queen')")
        db.execute("INSERT INTO albums (artist_id, title) VALUES (1, 'Opera')")
        db.execute(
            "INSERT INTO songs (artist_id, album_id, title, genre, duration_ms, released_on, regions, updated_at) VALUES "
            "(1, 1, 'Rhapsody', 'rock', 354000, '1975-10-31', '{GB,NZ}', '2026-03-01 12:00:00.000001Z'), "
            "(1, NULL, 'Alone', '', NULL, NULL, NULL, now())"
        )
        db.execute(
            "INSERT INTO external_ids (kind, source, external_id, id) VALUES ('song', 'lastfm', 'x', 1), ('song', 'isrc', 'y', 1)"
        )
        db.execute(
            "INSERT INTO playlists (user_id, name, is_public, created_at, updated_at) VALUES "
            "(1, 'Loud', true, now(), '2026-03-01Z'), (1, 'Mine', false, now(), now())"
        )

    migrate(empty_database)

    with postgres.connection(empty_database) as db:
        rows = db.execute("SELECT events FROM outbox ORDER BY id").fetchall()
    told = [event for (record,) in rows for event in decode(bytes(record))]
    at = datetime(2026, 3, 1, tzinfo=UTC)
    assert told == [
        SongChanged(
            song_id=1,
            title="Rhapsody",
            artist_id=1,
            artist="Queen",
            album="Opera",
            album_id=1,
            genre="rock",
            song_ms=354_000,
            released_on=date(1975, 10, 31),
            regions=("GB", "NZ"),
            origin="lastfm",
            external_id="x",
            version=microseconds(at + timedelta(hours=12, microseconds=1)),
        ),
        PlaylistChanged(playlist_id=1, is_public=True, version=microseconds(at)),
    ]
