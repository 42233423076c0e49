"""The rollups of statistics, as the list of all rollups takes them: table, cell, measures, and the SQL that recounts it."""

STATISTICS = (
    ("listener_days", ("day", "listener_id"), ("listens", "played_ms"), "listener_days.sql"),
    ("song_exits", ("song_id", "day", "tenth", "outcome"), ("exits",), "song_exits.sql"),
)
