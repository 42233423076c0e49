-- Which of the given plays' events are in playback_events; {keys} is the plays' ids in hex, {listeners} their listeners.
WITH {keys:String} AS digits
SELECT UUIDStringToNum(toString(play_id)) AS play_key, kind, ifNull(played_ms, toUInt32(0)) AS played_ms
FROM playback_events
WHERE listener_id IN {listeners:Array(UInt64)} AND play_id IN (
    SELECT arrayJoin(arrayMap(at -> toUUID(substring(digits, 32 * at + 1, 32)), range(intDiv(length(digits), 32))))
)
