-- Which of the given plays have in listens what was told anew at the moment {at}; {keys} is the plays' ids in hex.
WITH {keys:String} AS digits
SELECT UUIDStringToNum(toString(play_id)) AS play_key, CAST('end', 'Enum8(\'start\' = 1, \'end\' = 2)') AS kind
FROM listens
WHERE listener_id IN {listeners:Array(UInt64)} AND ingested_at = fromUnixTimestamp64Milli(toInt64({at:Int64}), 'UTC') AND play_id IN (
    SELECT arrayJoin(arrayMap(at -> toUUID(substring(digits, 32 * at + 1, 32)), range(intDiv(length(digits), 32))))
)
