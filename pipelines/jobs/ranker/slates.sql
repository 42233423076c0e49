-- One row per song of a list from which something was listened to, at its place: how likely it was to stand there, and
-- whether it was listened to from there. Of lists that were shown before the moment; of too many the newest.
WITH
taken AS (
    SELECT DISTINCT assumeNotNull(slate_id) AS slate, song_id AS song
    FROM valid_listens
    WHERE slate_id IS NOT NULL
        AND NOT is_private
        AND outcome != 'skip_early'
        AND listened_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
),
shown AS (
    SELECT
        slate_id,
        position,
        any(listener_id) AS who,
        any(toUnixTimestamp64Milli(served_at)) AS at_ms,
        any(song_id) AS song,
        any(propensity) AS chance
    FROM impressions
    WHERE served_at >= fromUnixTimestamp64Milli({since_ms:Int64}, 'UTC')
        AND served_at < fromUnixTimestamp64Milli({at_ms:Int64}, 'UTC')
        AND slate_id IN (SELECT slate FROM taken)
    GROUP BY slate_id, position
)
SELECT
    toString(slate_id) AS slate,
    who AS listener_id,
    at_ms,
    position,
    song AS song_id,
    chance AS propensity,
    (slate_id, song) IN (taken) AS is_taken
FROM shown
ORDER BY at_ms DESC, slate, position
LIMIT {most:UInt64}
