-- One row per song and change; the highest version is the valid one (read with FINAL).
CREATE TABLE IF NOT EXISTS songs
(
    song_id UInt64,
    title String,
    artist_id UInt64,
    artist String,
    album String,
    genre LowCardinality(String),
    song_ms Nullable(UInt32),
    released_on Nullable(Date32),
    origin LowCardinality(String),
    external_id String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY song_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per listener and change, without anything that names them.
CREATE TABLE IF NOT EXISTS listeners
(
    listener_id UInt64,
    country LowCardinality(String),
    origin LowCardinality(String),
    external_id String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY listener_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
