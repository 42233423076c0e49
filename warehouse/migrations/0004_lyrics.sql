-- One row per song, language and change: how the lyrics begin, '' where they were removed. The highest version is valid.
CREATE TABLE IF NOT EXISTS lyrics
(
    song_id UInt64,
    language LowCardinality(String),
    opening String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (song_id, language)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
