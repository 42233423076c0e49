-- One row per song, day, tenth and outcome: what song_exits must add up to, counted from the ends that are still kept.
SELECT
    song_id,
    toDate(started_at) AS day,
    toUInt8(least(9, intDiv(10 * toUInt64(ifNull(played_ms, 0)), ifNull(song_ms, 1)))) AS tenth,
    outcome,
    toInt64(count()) AS exits
FROM playback_events
WHERE kind = 'end' AND ifNull(song_ms, 0) > 0
GROUP BY song_id, day, tenth, outcome
