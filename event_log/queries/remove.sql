-- Takes back what listens has of the given plays, once for each moment {at}, in milliseconds since 1970; {keys} is the plays' ids in hex.
INSERT INTO removals
(
    play_id, listener_id, song_id, listened_at, played_ms, song_ms, outcome, confidence, source, origin, slate_id, position,
    playlist_id, country, is_private, ingested_at, removed_at
)
WITH
{keys:String} AS digits,
fromUnixTimestamp64Milli(toInt64({at:Int64}), 'UTC') AS now
SELECT
    play_id, listener_id, song_id, listened_at, played_ms, song_ms, outcome, confidence, source, origin, slate_id, position,
    playlist_id, country, is_private, ingested_at, now
FROM listens
WHERE listener_id IN {listeners:Array(UInt64)} AND play_id IN (
    SELECT arrayJoin(arrayMap(at -> toUUID(substring(digits, 32 * at + 1, 32)), range(intDiv(length(digits), 32))))
)
AND (play_id, ingested_at) NOT IN (SELECT play_id, ingested_at FROM removals WHERE listener_id IN {listeners:Array(UInt64)})
AND play_id NOT IN (SELECT play_id FROM removals WHERE listener_id IN {listeners:Array(UInt64)} AND removed_at = now)
