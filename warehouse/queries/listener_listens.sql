-- One row per listen of a listener that was known at a moment and had not been removed by then; private ones left out.
SELECT song_id, toUnixTimestamp64Milli(listened_at) AS listened_ms, played_ms
FROM listens
WHERE listener_id = {listener_id:UInt64}
    AND NOT is_private
    AND listened_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
    AND ingested_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
    AND (play_id, ingested_at) NOT IN (
        SELECT play_id, ingested_at FROM removals
        WHERE listener_id = {listener_id:UInt64} AND removed_at <= fromUnixTimestamp64Milli({as_of_ms:Int64})
    )
