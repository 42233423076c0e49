-- One row per listener and play that they took back, of each the newest ones: its song, and the milliseconds since 1970 at
-- which it began.
WITH
-- A listen whose length was told anew is in both tables; but its new row comes a moment later than its removal.
removed AS (
    SELECT listener_id, song_id, play_id, toUnixTimestamp64Milli(max(listened_at)) AS started_ms
    FROM removals
    WHERE NOT is_private AND listener_id IN {listeners:Array(UInt64)}
        AND (play_id, removed_at) NOT IN (
            SELECT play_id, ingested_at FROM listens WHERE listener_id IN {listeners:Array(UInt64)}
        )
    GROUP BY listener_id, song_id, play_id
)
SELECT listener_id, song_id, started_ms, replaceAll(toString(play_id), '-', '') AS play
FROM removed
-- So only what is marked as removed was taken back: nothing undoes what is written of these.
WHERE UUIDStringToNum(toString(play_id)) IN (
    SELECT play_key
    FROM seen
    WHERE kind = 'removal' AND play_key IN (SELECT UUIDStringToNum(toString(play_id)) FROM removed)
)
ORDER BY listener_id, started_ms DESC, play
LIMIT {limit:UInt32} BY listener_id
