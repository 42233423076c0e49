-- One row per song, one per day and one per hour of the day (by the clocks of a time zone) of a listener's listens that were
-- known at a moment and had not been removed by then, private ones left out: how many lie within some days, how long they
-- were, and the first of all, also before those days. What a row is not of is 0 in it.
WITH
valid AS (
    SELECT
        song_id, played_ms,
        toUnixTimestamp64Milli(listened_at) AS listened_ms,
        toDate32(listened_at, {tz:String}) AS day,
        toHour(listened_at, {tz:String}) AS hour
    FROM listens
    WHERE listener_id = {listener_id:UInt64}
        AND NOT is_private
        AND listened_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        AND (play_id, ingested_at) NOT IN (
            SELECT play_id, ingested_at FROM removals
            WHERE listener_id = {listener_id:UInt64} AND removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
        )
)
SELECT
    grouping(song_id, day, hour) AS part,  -- 3: a song, 5: a day, 6: an hour
    song_id, day, hour,
    countIf(day BETWEEN {first:Date32} AND {last:Date32}) AS listens,
    sumIf(played_ms, day BETWEEN {first:Date32} AND {last:Date32}) AS played_ms,
    min(listened_ms) AS first_ms
FROM valid
GROUP BY GROUPING SETS ((song_id), (day), (hour))
