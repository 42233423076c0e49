-- One row per thing that a listener, or the catalog of them, ever told, and change: the tables named like `what` keep the
-- newest alone once ClickHouse merges them. So a past moment can be asked what was known then. `value` is a country, love or
-- hide, a wish, or yes; '' where it was taken back. Who is followed or blocked is a target of kind listener.
CREATE TABLE IF NOT EXISTS listener_words
(
    listener_id UInt64,
    what Enum8('listener' = 1, 'opinion' = 2, 'follow' = 3, 'block' = 4, 'preferences' = 5, 'feedback' = 6),
    kind LowCardinality(String),
    target_id UInt64,
    genre LowCardinality(String),
    value LowCardinality(String),
    until Nullable(DateTime64(3, 'UTC')),
    allows_explicit Bool,
    language LowCardinality(String),
    genres Array(String),
    version UInt64,
    told_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
)
ENGINE = MergeTree
ORDER BY (listener_id, what, kind, target_id, genre, told_at)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_listeners TO listener_words AS
SELECT listener_id, 'listener' AS what, country AS value, version FROM listeners;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_opinions TO listener_words AS
SELECT listener_id, 'opinion' AS what, toString(kind) AS kind, target_id, toString(opinion) AS value, version FROM opinions;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_follows TO listener_words AS
SELECT listener_id, 'follow' AS what, toString(kind) AS kind, target_id, if(is_following, 'yes', '') AS value, version FROM follows;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_blocks TO listener_words AS
SELECT listener_id, 'block' AS what, 'listener' AS kind, blocked_id AS target_id, if(is_blocked, 'yes', '') AS value, version FROM blocks;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_preferences TO listener_words AS
SELECT listener_id, 'preferences' AS what, allows_explicit, language, genres, version FROM preferences;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_words_from_feedback TO listener_words AS
SELECT listener_id, 'feedback' AS what, toString(kind) AS kind, target_id, genre, toString(wish) AS value, until, version FROM feedback;

-- Of what was told before there was this table the newest is left, and when it changed stands for when it was told.
INSERT INTO listener_words
(listener_id, what, kind, target_id, genre, value, until, allows_explicit, language, genres, version, told_at)
SELECT *, fromUnixTimestamp64Milli(toInt64(least(intDiv(version, 1000), toUnixTimestamp64Milli(now64(3)))), 'UTC')
FROM (
    SELECT listener_id, 'listener', '', 0, '', country, NULL, false, '', [], version FROM listeners FINAL
    UNION ALL
    SELECT listener_id, 'opinion', toString(kind), target_id, '', toString(opinion), NULL, false, '', [], version FROM opinions FINAL
    UNION ALL
    SELECT listener_id, 'follow', toString(kind), target_id, '', if(is_following, 'yes', ''), NULL, false, '', [], version FROM follows FINAL
    UNION ALL
    SELECT listener_id, 'block', 'listener', blocked_id, '', if(is_blocked, 'yes', ''), NULL, false, '', [], version FROM blocks FINAL
    UNION ALL
    SELECT listener_id, 'preferences', '', 0, '', '', NULL, allows_explicit, language, genres, version FROM preferences FINAL
    UNION ALL
    SELECT listener_id, 'feedback', toString(kind), target_id, genre, toString(wish), until, false, '', [], version FROM feedback FINAL
);
