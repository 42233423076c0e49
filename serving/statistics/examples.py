"""The examples that the documentation of the statistics shows."""

LISTENER = {
    "user_id": 12345,
    "range": "this_week",
    "tz": "Europe/Amsterdam",
    "since": "2026-02-22T23:00:00Z",
    "until": "2026-03-01T12:00:00Z",
    "as_of": "2026-03-01T12:00:00Z",
    "listens": 3,
    "minutes": 14.9,
    "songs": 2,
    "artists": 1,
    "top_songs": [
        {
            "song_id": 98765,
            "title": "Bohemian Rhapsody",
            "artist_id": 111,
            "artist": "Queen",
            "listens": 2,
            "minutes": 11.8,
        }
    ],
    "top_artists": [{"artist_id": 111, "artist": "Queen", "listens": 3, "minutes": 14.9}],
    "top_genres": [{"genre": "rock", "listens": 3, "minutes": 14.9}],
    "by_hour": [0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0],
    "by_weekday": [0, 0, 0, 0, 1, 2, 0],
    "streaks": {"longest_days": 2, "current_days": 2},
    "diversity": {"entropy": 0.0, "effective_artists": 1.0},
    "new_to_me": {"songs": 1, "artists": 0},
}
ARTIST = {
    "artist_id": 111,
    "artist": "Queen",
    "since": "2026-02-01",
    "until": "2026-02-28",
    "as_of": "2026-03-01T12:00:00Z",
    "listens": 5120,
    "listeners": 1200,
    "new_listeners": 200,
    "returning_listeners": 1000,
    "by_day": [{"day": "2026-02-01", "listens": 180, "listeners": 96}],
    "by_country": [{"name": "NL", "listens": 3000, "listeners": 700}],
    "by_source": [{"name": "recommended", "listens": 1400, "listeners": 520}],
    "exits": {
        "ends": 6000,
        "completed": 4100,
        "skipped_early": 800,
        "skipped_late": 900,
        "unknown": 200,
        "skip_rate": 0.2931,
        "by_tenth": [820, 210, 160, 140, 120, 110, 100, 120, 180, 4040],
    },
    "playlists": {
        "public": 41,
        "private": 77,
        "most_songs": [
            {"playlist_id": 5555, "name": "Queen for ever", "user_id": 12345, "owner": "Ann", "songs": 24}
        ],
    },
}
ACTIVITY = {"days": [{"day": "2026-02-01", "listens": 9000, "dau": 410, "wau": 470, "mau": 498}]}
RETENTION = {"cohorts": [{"week": "2026-02-02", "listeners": 120, "active": [120, 84, 77]}]}
RECOMMENDATIONS = {
    "since": "2026-02-01",
    "until": "2026-02-28",
    "catalogue_songs": 2000,
    "songs": 900,
    "coverage": 0.45,
    "tail_share": 0.62,
    "funnels": [
        {
            "surface": "feed",
            "policy": "als-fold-in",
            "slates": 500,
            "impressions": 10000,
            "plays": 800,
            "listens": 610,
            "songs": 900,
            "coverage": 0.45,
            "tail_share": 0.62,
        }
    ],
}
