"""A small town for these tests: Ann, who owns music and has a finger in everything, and Bob, who stays."""

from datetime import UTC, datetime

from foundation.ids import new_play_id
from tests.catalog_api.api import Api, people

THEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANN, BOB = 1, 2
HERS, HIS = 1, 2  # artists, and albums
HER_SONG, ON_HER_ALBUM, HIS_SONG = 1, 2, 3
HER_LIST, HIS_LIST = 1, 2

FILL = """
INSERT INTO artists (name, owner_id) VALUES
    ('Ann Band', 1),
    ('Bob Band', 2);
INSERT INTO albums (artist_id, title, cover_key) VALUES
    (1, 'Hers', 'abc'),
    (2, 'His', 'def');
INSERT INTO songs (artist_id, album_id, title, play_count) VALUES
    (1, 1, 'Hers 1', 5),
    (2, 1, 'Guest', 7),
    (2, 2, 'His 1', 9);
INSERT INTO lyrics (song_id, language, text) VALUES
    (1, 'en', 'la la'),
    (3, 'en', 'lo lo');
INSERT INTO external_ids VALUES
    ('listener', 'town', 'ann', 1),
    ('listener', 'town', 'bob', 2),
    ('artist', 'town', 'a', 1),
    ('song', 'town', 's', 1),
    ('song', 'town', 't', 3);
INSERT INTO preferences (user_id, language, genres) VALUES
    (1, 'en', '{jazz,rock}'),
    (2, 'de', '{}');
INSERT INTO sessions (id, user_id, device, created_at, last_used_at, expires_at) VALUES
    ('00000000-0000-0000-0000-000000000001', 1, 'radio', now(), now(), now()),
    ('00000000-0000-0000-0000-000000000002', 2, 'phone', now(), now(), now());
INSERT INTO refresh_tokens VALUES
    ('a', '00000000-0000-0000-0000-000000000001', now()),
    ('b', '00000000-0000-0000-0000-000000000002', now());
INSERT INTO subscriptions (user_id, plan, status, started_at, renews_at, due_at, payment_method) VALUES
    (1, 'premium_monthly', 'active', now(), now(), now(), 'card'),
    (2, 'premium_monthly', 'active', now(), now(), now(), 'card');
INSERT INTO history_imports (id, user_id, name, size, digest, is_preview, threshold, status, asked_at) VALUES
    ('00000000-0000-0000-0000-000000000001', 1, 'hers.zip', 1, '', false, 0.8, 'waiting', now()),
    ('00000000-0000-0000-0000-000000000002', 2, 'his.zip', 1, '', false, 0.8, 'waiting', now());
INSERT INTO playlists (user_id, name, is_public, created_at, updated_at) VALUES
    (1, 'Hers', true, now(), now()),
    (2, 'His', false, now(), now());
INSERT INTO playlist_songs VALUES
    (1, 3, 10, 2, now()),
    (1, 1, 20, 1, now()),
    (2, 3, 10, 1, now()),
    (2, 1, 20, 2, now());
INSERT INTO playlist_members VALUES
    (1, 2, 'editor', 1, now(), now()),
    (2, 1, 'editor', 2, now(), now());
INSERT INTO share_links VALUES
    ('00000000-0000-0000-0000-00000000000a', 'x', 1, 1, now(), now()),
    ('00000000-0000-0000-0000-00000000000b', 'y', 2, 1, now(), now());
INSERT INTO listener_follows VALUES
    (1, 2, now()),
    (2, 1, now());
INSERT INTO artist_follows VALUES
    (1, 2, now()),
    (2, 1, now()),
    (2, 2, now());
INSERT INTO song_opinions VALUES
    (1, 3, 'love', now()),
    (2, 1, 'love', now()),
    (2, 3, 'hide', now());
INSERT INTO artist_opinions VALUES
    (1, 2, 'love', now()),
    (2, 1, 'hide', now()),
    (2, 2, 'love', now());
INSERT INTO feeds VALUES
    (1, 1, 1),
    (2, 1, 1);
INSERT INTO blocks VALUES
    (1, 2, now()),
    (2, 1, now());
INSERT INTO shares (from_id, to_id, song_id, message, shared_at) VALUES
    (1, 2, 3, 'hear this', now()),
    (2, 1, 3, 'you too', now());
INSERT INTO activities (user_id, verb, kind, target_id, happened_at) VALUES
    (1, 'loved', 'song', 3, now()),
    (2, 'followed', 'listener', 1, now()),
    (2, 'made', 'playlist', 1, now()),
    (2, 'loved', 'song', 3, now());
INSERT INTO idempotency_keys (scope, key, fingerprint, created_at) VALUES
    ('user:1 POST /api/v1/playlists', 'k', 'f', now()),
    ('user:12 POST /api/v1/playlists', 'k', 'f', now())
"""


def settle(api: Api, *, listens: int = 3) -> None:
    """Ann and Bob with one of everything, and each with a history."""
    assert people(api.catalog, "ann", "bob") == [ANN, BOB]
    for statement in FILL.split(";\n"):
        api.sql(statement)
    for user in (ANN, BOB):
        heard(api, user, listens)


def heard(api: Api, user: int, listens: int) -> None:
    """Some listens of one person, as the history's sink writes them."""
    plays = [new_play_id(THEN) for _ in range(listens)]
    api.sql(
        "INSERT INTO listening_history SELECT %s, 3, id, %s, 200000, 'organic' FROM unnest(%s::uuid[]) AS id",
        user,
        THEN,
        [str(each) for each in plays],
    )
    api.sql(
        "INSERT INTO counted_plays SELECT id, now() FROM unnest(%s::uuid[]) AS id",
        [str(each) for each in plays],
    )


def left_of(api: Api, user: int) -> dict[str, int]:
    """How many rows of each table name a person, found by their columns; receipts and revocations name ids on purpose."""
    columns = api.sql(
        "SELECT relname, attname FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid "
        "JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] "
        "WHERE contype = 'f' AND confrelid = 'users'::regclass ORDER BY 1, 2"
    )
    asked = [
        *((table, f"{column} = {user}") for table, column in columns),
        ("users", f"id = {user}"),
        ("listening_history", f"user_id = {user}"),
        ("external_ids", f"kind = 'listener' AND id = {user}"),
        ("idempotency_keys", f"scope LIKE 'user:{user} %%' OR about = {user}"),
        ("activities", f"kind = 'listener' AND target_id = {user}"),
    ]
    counts = {
        f"{table}: {which}": api.sql(f"SELECT count(*) FROM {table} WHERE {which}")[0][0]  # noqa: S608
        for table, which in asked
    }
    return {what: count for what, count in counts.items() if count}
