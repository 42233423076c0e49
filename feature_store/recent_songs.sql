-- One row per listener and recent song as of a moment, newest first, as the online store held them at that moment.
WITH
known AS (
    SELECT listener_id, song_id, listened_at, ingested_at
    FROM listens_as_of(as_of = {as_of:DateTime64(3, 'UTC')})
    WHERE NOT is_private
        AND (empty({listeners:Array(UInt64)}) OR has({listeners:Array(UInt64)}, listener_id))
),
remembered AS (
    SELECT listener_id
    FROM known
    GROUP BY listener_id
    HAVING max(ingested_at) > {as_of:DateTime64(3, 'UTC')} - toIntervalSecond({kept_seconds:UInt32})
)
SELECT listener_id, song_id, max(known.listened_at) AS latest
FROM known
WHERE listener_id IN (SELECT listener_id FROM remembered)
GROUP BY listener_id, song_id
ORDER BY listener_id, latest DESC, toString(song_id) DESC
LIMIT {limit:UInt32} BY listener_id
