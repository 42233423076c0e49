-- One row per listener, what they spoke of (`target_id` of a song or an artist, else `genre`), and change of mind; '' where
-- it was taken back. The highest version is the valid one.
CREATE TABLE IF NOT EXISTS feedback
(
    listener_id UInt64,
    kind Enum8('song' = 1, 'artist' = 2, 'genre' = 3, 'taste' = 4),
    target_id UInt64,
    genre LowCardinality(String),
    wish Enum8('' = 0, 'more' = 1, 'less' = 2, 'never' = 3, 'forget' = 4),
    until Nullable(DateTime64(3, 'UTC')),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener_id, kind, target_id, genre)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
