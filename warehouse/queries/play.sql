-- One row when the warehouse holds a play of a listener as a listen: what it is, and when it was taken in.
SELECT
    listened_at,
    played_ms,
    toString(source) AS source,
    ingested_at
FROM valid_listens
WHERE listener_id = {listener:UInt64} AND play_id = {play:UUID}
LIMIT 1
