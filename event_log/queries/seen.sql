-- Which of the given plays' events the warehouse holds, by key; {keys} is their ids in hex, one after the other.
WITH unhex({keys:String}) AS bytes
SELECT play_key, kind
FROM seen
WHERE play_key IN (
    SELECT arrayJoin(arrayMap(at -> toFixedString(substring(bytes, 16 * at + 1, 16), 16), range(intDiv(length(bytes), 16))))
)
