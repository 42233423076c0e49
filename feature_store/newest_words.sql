-- One row per listener and thing that they, or the catalog of them, ever told, also of what was taken back: the newest
-- version, and the milliseconds since 1970 at which it was last told.
SELECT
    listener_id, toString(what) AS what, toString(kind) AS kind, target_id, toString(genre) AS genre, toString(value) AS value,
    until, allows_explicit, toString(language) AS language, genres, version, toUnixTimestamp64Milli(told_at) AS told_ms
FROM listener_words
WHERE listener_id IN {listeners:Array(UInt64)}
ORDER BY listener_id, what, kind, target_id, genre, version DESC, told_at DESC
LIMIT 1 BY listener_id, what, kind, target_id, genre
