-- Where a play was heard ('' where unknown), and whether in a private session: such a play counts for its song alone.
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS country LowCardinality(String) AFTER position;
ALTER TABLE playback_events ADD COLUMN IF NOT EXISTS is_private Bool AFTER country;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS country LowCardinality(String) AFTER position;
ALTER TABLE listens ADD COLUMN IF NOT EXISTS is_private Bool AFTER country;

-- Where a song may be played: everywhere, or in `regions` alone. A song removed from the catalog stays for its listens.
ALTER TABLE songs ADD COLUMN IF NOT EXISTS is_explicit Bool AFTER released_on;
ALTER TABLE songs ADD COLUMN IF NOT EXISTS is_everywhere Bool DEFAULT true AFTER is_explicit;
ALTER TABLE songs ADD COLUMN IF NOT EXISTS regions Array(String) AFTER is_everywhere;
ALTER TABLE songs ADD COLUMN IF NOT EXISTS is_removed Bool AFTER regions;

-- One row per listener, song or artist, and change of mind; '' where they have no opinion any more. The highest version
-- is the valid one, here and below.
CREATE TABLE IF NOT EXISTS opinions
(
    listener_id UInt64,
    kind Enum8('song' = 1, 'artist' = 2),
    target_id UInt64,
    opinion Enum8('' = 0, 'love' = 1, 'hide' = 2),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener_id, kind, target_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per listener, whom they follow or followed, and change.
CREATE TABLE IF NOT EXISTS follows
(
    listener_id UInt64,
    kind Enum8('listener' = 1, 'artist' = 2),
    target_id UInt64,
    is_following Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener_id, kind, target_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per listener, whom they block or blocked, and change.
CREATE TABLE IF NOT EXISTS blocks
(
    listener_id UInt64,
    blocked_id UInt64,
    is_blocked Bool,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (listener_id, blocked_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

-- One row per listener and change: what they want to be served. Genres are what a feed begins with.
CREATE TABLE IF NOT EXISTS preferences
(
    listener_id UInt64,
    allows_explicit Bool,
    language LowCardinality(String),
    genres Array(String),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY listener_id
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;
