"""What the catalog tells beside plays: a row in the warehouse each, of which the newest holds."""

from pathlib import Path

from foundation.contracts.events import (
    BlockChanged,
    Event,
    FeedbackGiven,
    FollowChanged,
    ImportedCount,
    ListenerChanged,
    OpinionChanged,
    PlaylistChanged,
    PreferencesChanged,
    SongChanged,
)
from foundation.engines.clickhouse import Client
from tests.event_log.plays import NOON, write_segment
from tests.event_log.test_clickhouse_sink import ship


def test_songs_listeners_and_counts_reach_their_tables_and_repeat_without_harm(
    tmp_path: Path, clickhouse: Client
) -> None:
    told: list[Event] = [
        SongChanged(song_id=7, title="Été", artist_id=2, artist="Ann", released_on=NOON.date(), version=1),
        SongChanged(song_id=7, title="Hiver", artist_id=2, artist="Ann", album_id=4, version=2),
        ListenerChanged(listener_id=5, country="FR", origin="lastfm", external_id="x", version=1),
        PlaylistChanged(playlist_id=9, is_public=False, version=2),
        PlaylistChanged(playlist_id=9, is_public=True, version=1),
        ImportedCount(origin="lastfm", listener_id=5, song_id=7, plays=12, received_at=NOON),
    ]
    for segment_id in ("a-1", "a-2"):
        write_segment(tmp_path, segment_id, told)

    ship(tmp_path, clickhouse)

    named = clickhouse.query("SELECT song_id, title, album_id FROM songs FINAL").result_rows
    assert named == [(7, "Hiver", 4)]
    assert clickhouse.query("SELECT playlist_id, is_public FROM playlists FINAL").result_rows == [(9, False)]
    assert clickhouse.query("SELECT listener_id, country FROM listeners FINAL").result_rows == [(5, "FR")]
    assert clickhouse.query("SELECT plays FROM imported_counts FINAL").result_rows == [(12,)]


def test_what_people_want_reaches_its_tables_and_the_newest_word_holds(
    tmp_path: Path, clickhouse: Client
) -> None:
    told: list[Event] = [
        OpinionChanged(listener_id=5, kind="song", target_id=7, opinion="love", version=2),
        OpinionChanged(listener_id=5, kind="song", target_id=7, opinion="hide", version=1),
        OpinionChanged(listener_id=5, kind="artist", target_id=7, opinion="", version=1),
        FollowChanged(listener_id=5, kind="artist", target_id=7, is_following=True, version=1),
        FollowChanged(listener_id=5, kind="listener", target_id=7, is_following=False, version=1),
        BlockChanged(listener_id=5, blocked_id=6, is_blocked=True, version=1),
        PreferencesChanged(
            listener_id=5, allows_explicit=False, language="mi", genres=("jazz", "r&b"), version=1
        ),
        FeedbackGiven(listener_id=5, kind="artist", target_id=7, wish="never", until=NOON, version=2),
        FeedbackGiven(listener_id=5, kind="artist", target_id=7, wish="less", version=1),
        FeedbackGiven(listener_id=5, kind="genre", genre="jazz", wish="", version=1),
    ]
    for segment_id in ("a-1", "a-2"):
        write_segment(tmp_path, segment_id, told)

    ship(tmp_path, clickhouse)

    def rows(table: str) -> list[tuple[object, ...]]:
        asked = "SELECT * EXCEPT (listener_id, version) FROM {table:Identifier} FINAL ORDER BY ALL"
        return [tuple(row) for row in clickhouse.query(asked, {"table": table}).result_rows]

    assert rows("opinions") == [("song", 7, "love"), ("artist", 7, "")]
    assert rows("follows") == [("listener", 7, False), ("artist", 7, True)]
    assert rows("blocks") == [(6, True)]
    assert rows("feedback") == [
        ("artist", 7, "", "never", NOON.replace(tzinfo=None)),
        ("genre", 0, "jazz", "", None),
    ]
    assert rows("preferences") == [(False, "mi", ["jazz", "r&b"])]


def test_a_song_keeps_where_it_may_be_played_and_that_it_was_removed(
    tmp_path: Path, clickhouse: Client
) -> None:
    songs = [
        SongChanged(song_id=1, title="Everywhere", artist_id=2, artist="Ann", version=1),
        SongChanged(song_id=2, title="Islands", artist_id=2, artist="Ann", regions=("FJ", "NZ"), version=1),
        SongChanged(song_id=3, title="Nowhere", artist_id=2, artist="Ann", regions=(), version=1),
        SongChanged(
            song_id=4, title="Gone", artist_id=2, artist="Ann", is_explicit=True, is_removed=True, version=1
        ),
    ]
    write_segment(tmp_path, "a-1", [*songs])

    ship(tmp_path, clickhouse)

    told = "SELECT is_everywhere, regions, is_explicit, is_removed FROM songs FINAL ORDER BY song_id"
    assert clickhouse.query(told).result_rows == [
        (True, [], False, False),
        (False, ["FJ", "NZ"], False, False),
        (False, [], False, False),
        (True, [], True, True),
    ]
