-- Adds to song_days what it misses of listens, or has too much, for the given days and songs.
INSERT INTO song_days (day, song_id, listens)
WITH
told AS (
    SELECT toDate(listened_at) AS day, song_id, toInt64(1) AS listens
    FROM listens
    WHERE song_id IN {songs:Array(UInt64)} AND toDate(listened_at) IN {days:Array(Date)}
    UNION ALL
    SELECT toDate(listened_at) AS day, song_id, toInt64(-1) AS listens
    FROM removals
    WHERE song_id IN {songs:Array(UInt64)} AND toDate(listened_at) IN {days:Array(Date)}
    UNION ALL
    SELECT day, song_id, -listens
    FROM song_days
    WHERE song_id IN {songs:Array(UInt64)} AND day IN {days:Array(Date)}
)
SELECT day, song_id, sum(listens) AS missing
FROM told
GROUP BY day, song_id
HAVING missing != 0
