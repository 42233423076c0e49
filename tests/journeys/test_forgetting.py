"""An account of a running platform is deleted: within a minute nothing of it is left in any store, and others keep theirs."""

import io
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from zipfile import ZipFile

import httpx
import numpy as np
import polars as pl
import psycopg
import pytest

from event_log.forget import held as rows_held
from foundation.clock import utc_now
from foundation.engines import clickhouse, postgres
from foundation.engines.blobs import open_blobs
from foundation.engines.redis import open_redis
from foundation.engines.vectors import open_vectors
from foundation.engines.vectors.edge import EdgeVectors
from foundation.ids import new_play_id
from tests.journeys.conftest import Platform

pytestmark = pytest.mark.slow

GOES, STAYS = 7, 8  # listeners
WITHIN = 60.0  # seconds


@pytest.fixture(scope="module")
def db(platform: Platform) -> Iterator[psycopg.Connection]:
    with postgres.connection(platform.settings.engines.postgres) as opened:
        yield opened


def test_within_a_minute_nothing_of_a_deleted_account_is_left_anywhere(
    platform: Platform, db: psycopg.Connection
):
    with platform.client(GOES) as going, platform.client(STAYS) as staying:
        artist, own, other = settle(db, going, staying)
        before = counts(db, platform, other)
        exported = ZipFile(io.BytesIO(going.get("/me/export").raise_for_status().content))

        begun_at = time.monotonic()
        answer = going.request("DELETE", "/me")
        receipt = finished(staying, answer.json()["receipt_url"], begun_at)
        refused = going.get("/me")

    print(f"finished after {time.monotonic() - begun_at:.1f} s: {receipt['removed']}")
    assert (answer.status_code, refused.status_code) == (202, 401)
    assert exported.testzip() is None
    assert left_in_postgres(db, GOES) == {}
    assert left_in_clickhouse(platform, GOES, own) == {}
    assert left_in_redis(platform, GOES) == []
    assert left_in_blobs(platform, GOES, own) == []
    assert left_in_vectors(platform, own) == []
    assert db.execute("SELECT count(*) FROM songs WHERE artist_id = %s", (artist,)).fetchone() == (0,)
    assert counts(db, platform, other) == before
    assert {"postgres", "cache", "features", "clickhouse", "models", "blobs"} == receipt["removed"].keys()
    assert receipt["removed"]["models"]["bundles"] >= 1


def test_those_who_stay_are_served_by_the_version_without_them(platform: Platform, db: psycopg.Connection):
    deleted = db.execute("SELECT finished_at FROM deletions WHERE user_id = %s", (GOES,)).fetchone()
    current = open_vectors(platform.settings.engines.vectors).current("songs")

    served = ""
    give_up = time.monotonic() + 10
    with platform.client(STAYS) as client:
        while served != current and time.monotonic() < give_up:
            answer = client.get("/recommendations", params={"limit": 5})
            served = answer.raise_for_status().json()["version"]
            time.sleep(0.2)

    assert deleted is not None
    assert deleted[0] is not None
    assert served == current


def settle(db: psycopg.Connection, going: httpx.Client, staying: httpx.Client) -> tuple[int, list[int], int]:
    """Gives the one an artist, and both of everything; returns the artist, its songs, and a song of others."""
    found = db.execute(
        "SELECT artist_id, array_agg(id) FROM songs GROUP BY artist_id ORDER BY count(*), 1 LIMIT 1"
    ).fetchone()
    assert found is not None
    artist, own = found
    (other,) = db.execute(
        "SELECT id FROM songs WHERE artist_id <> %s ORDER BY id LIMIT 1", (artist,)
    ).fetchone() or (0,)
    db.execute("UPDATE artists SET owner_id = %s WHERE id = %s", (GOES, artist))
    for client, them in ((going, STAYS), (staying, GOES)):
        made = client.post("/playlists", json={"name": "Both"}).raise_for_status().json()
        client.put(f"/me/following/listeners/{them}").raise_for_status()
        client.put(f"/me/loves/songs/{other}").raise_for_status()
        client.put(f"/me/loves/songs/{own[0]}").raise_for_status()
        told = {"play_id": str(new_play_id(utc_now())), "played_ms": 200_000}
        client.post(f"/songs/{other}/play", json=told).raise_for_status()
        assert made
    going.patch("/me/preferences", json={"language": "en"}).raise_for_status()
    give_up = time.monotonic() + 20
    heard = "SELECT count(*) FROM listening_history WHERE user_id = ANY(%s) AND song_id = %s AND played_ms = 200000"
    while db.execute(heard, ([GOES, STAYS], other)).fetchone() != (2,):
        assert time.monotonic() < give_up, "the history did not get the plays"
        time.sleep(0.1)
    time.sleep(1.5)  # and the other stores
    return artist, own, other


def finished(client: httpx.Client, receipt_url: str, begun_at: float) -> dict[str, dict[str, dict[str, int]]]:
    """The receipt once everything has gone."""
    while True:
        receipt = client.get(receipt_url.removeprefix("/api/v1")).raise_for_status().json()
        if receipt["finished_at"] is not None:
            assert time.monotonic() - begun_at < WITHIN
            return dict(receipt)
        assert time.monotonic() - begun_at < WITHIN, f"not finished: {receipt}"
        time.sleep(0.5)


def counts(db: psycopg.Connection, platform: Platform, song: int) -> Mapping[str, object]:
    """What must stay: the other's own, how often a song was played, and what names nobody."""
    client = clickhouse.open_clickhouse_reader(platform.settings.engines.clickhouse_reader)
    asked = {
        "plays": ("SELECT play_count FROM songs WHERE id = %s", song),
        "playlists": ("SELECT array_agg(name) FROM playlists WHERE user_id = %s", STAYS),
        "history": ("SELECT count(*) FROM listening_history WHERE user_id = %s", STAYS),
        "people": ("SELECT count(*) FROM users WHERE id <> %s", GOES),
    }
    told: dict[str, object] = {
        name: db.execute(sql.encode(), (of,)).fetchone() for name, (sql, of) in asked.items()
    }
    told["charts"] = int(str(client.command("SELECT sum(listens) FROM song_days")))
    told["listens"] = int(str(client.command(f"SELECT count() FROM listens WHERE listener_id = {STAYS}")))  # noqa: S608
    client.close()
    return told


def left_in_postgres(db: psycopg.Connection, user: int) -> dict[str, int]:
    """Rows by table in whose columns the id stands; receipts and revocations name ids on purpose."""
    columns = db.execute(
        "SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace AND attnum > 0 "
        "AND (attname ~ '(^|_)(user_id|listener_id|owner_id|added_by|invited_by|created_by|from_id|to_id"
        "|follower_id|followed_id|blocker_id|blocked_id)$') AND relname <> 'deletions'"
    ).fetchall()
    asked = [
        *((table, f"{column} = {user}") for table, column in columns),
        ("users", f"id = {user}"),
        ("external_ids", f"kind = 'listener' AND id = {user}"),
        ("activities", f"kind = 'listener' AND target_id = {user}"),
        ("idempotency_keys", f"scope LIKE 'user:{user} %' OR about = {user}"),
    ]
    found = {}
    for table, which in asked:
        row = db.execute(f"SELECT count(*) FROM {table} WHERE {which}".encode()).fetchone()  # noqa: S608
        found[f"{table} {which}"] = row[0] if row else 0
    assert len(columns) > 15
    return {where: count for where, count in found.items() if count}


def left_in_clickhouse(platform: Platform, user: int, songs: list[int]) -> Mapping[str, int]:
    client = clickhouse.open_clickhouse(platform.settings.engines.clickhouse)
    try:
        return rows_held(client, user, songs)
    finally:
        client.close()


def left_in_redis(platform: Platform, user: int) -> list[str]:
    """Keys that name the person, and members of others' keys that do; budgets of requests end by themselves."""
    redis = open_redis(platform.settings.engines.redis)
    found = []
    for key in map(bytes.decode, redis.scan_iter(count=1000)):
        if key.startswith("limit:"):
            continue
        if f"{{{user}}}" in key or f"user:{user}:" in key:
            found.append(key)
        elif "followed_listeners" in key or "blocked_listeners" in key:
            found += [key] if redis.sismember(key, user) else []
        elif "wish_versions" in key:
            fields = [f"follows:listener:{user}", f"blocks:{user}"]
            found += [key for field in fields if redis.hexists(key, field)]
    redis.close()
    return found


def left_in_blobs(platform: Platform, user: int, songs: list[int]) -> list[str]:
    """Blobs in which an id of the person or their songs stands, found by reading every one of them."""
    blobs = open_blobs(platform.settings.engines.blobs)
    found = []
    for key in blobs.keys(""):
        path = Path(key)
        if path.suffix == ".parquet":
            rows = pl.read_parquet(blobs.read(key))
            for column, gone in (("listener_id", [user]), ("song_id", songs)):
                if column in rows.columns and rows[column].is_in(gone).any():
                    found.append(f"{key} {column}")
        elif path.name in ("listener_ids.npy", "song_ids.npy"):
            gone = [user] if path.name.startswith("listener") else songs
            if np.isin(np.load(io.BytesIO(blobs.read(key))), gone).any():
                found.append(key)
    return found


def left_in_vectors(platform: Platform, songs: list[int]) -> list[str]:
    """Files of vectors in which a song stands, also of versions that serve nobody any more."""
    vectors = open_vectors(platform.settings.engines.vectors)
    assert isinstance(vectors, EdgeVectors)
    files = list(vectors.directory.rglob("ids.npy"))
    assert files
    return [str(file) for file in files if np.isin(np.load(file), songs).any()]
