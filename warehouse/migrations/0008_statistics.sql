-- A listen is found by its song as fast as by its listener: an artist's statistics read this, as of any moment.
ALTER TABLE listens MODIFY SETTING lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE listens ADD PROJECTION IF NOT EXISTS by_song
(
    SELECT song_id, listened_at, listener_id, play_id, played_ms, source, country, is_private, ingested_at
    ORDER BY (song_id, listened_at)
);
ALTER TABLE listens MATERIALIZE PROJECTION by_song SETTINGS mutations_sync = 2;

-- One row per day (UTC) and listener: how often and how long they listened, private sessions left out. Activity and
-- retention read this, never listens. Signed, so that a removal takes back what its listen added.
CREATE TABLE IF NOT EXISTS listener_days
(
    day Date,
    listener_id UInt64,
    listens SimpleAggregateFunction(sum, Int64),
    played_ms SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (day, listener_id)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_days_from_listens TO listener_days AS
SELECT toDate(listened_at) AS day, listener_id, toInt64(count()) AS listens, sum(toInt64(played_ms)) AS played_ms
FROM listens
WHERE NOT is_private
GROUP BY day, listener_id;

CREATE MATERIALIZED VIEW IF NOT EXISTS listener_days_from_removals TO listener_days AS
SELECT toDate(listened_at) AS day, listener_id, -toInt64(count()) AS listens, -sum(toInt64(played_ms)) AS played_ms
FROM removals
WHERE NOT is_private
GROUP BY day, listener_id;

-- One row per song, day (UTC), tenth of the song and outcome: how many plays ended there. It outlives playback_events, and
-- no removal takes from it: that a play was skipped stays true when its listener takes it out of their history.
CREATE TABLE IF NOT EXISTS song_exits
(
    song_id UInt64,
    day Date,
    tenth UInt8,
    outcome Enum8('unknown' = 0, 'skip_early' = 1, 'skip_late' = 2, 'completed' = 3),
    exits SimpleAggregateFunction(sum, Int64)
)
ENGINE = AggregatingMergeTree
ORDER BY (song_id, day, tenth, outcome)
SETTINGS non_replicated_deduplication_window = 10000, fsync_after_insert = 1, fsync_part_directory = 1;

CREATE MATERIALIZED VIEW IF NOT EXISTS song_exits_from_ends TO song_exits AS
SELECT
    song_id,
    toDate(started_at) AS day,
    toUInt8(least(9, intDiv(10 * toUInt64(ifNull(played_ms, 0)), ifNull(song_ms, 1)))) AS tenth,
    outcome,
    toInt64(count()) AS exits
FROM playback_events
WHERE kind = 'end' AND ifNull(song_ms, 0) > 0
GROUP BY song_id, day, tenth, outcome;
