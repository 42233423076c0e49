"""The schema: made once, by one of many, and equal to what the code believes it is."""

import time
from concurrent.futures import ThreadPoolExecutor

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
