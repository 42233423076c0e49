-- One row per asked number and thing that its listener, or the catalog of them, had told by its moment, unless it was taken
-- back: the newest version of those that had been told by then.
WITH
asked AS (
    SELECT pair.1 AS number, pair.2 AS listener_id, fromUnixTimestamp64Milli(pair.3, 'UTC') AS at
    FROM (SELECT arrayJoin(arrayZip(arrayEnumerate({listeners:Array(UInt64)}), {listeners:Array(UInt64)}, {moments:Array(Int64)})) AS pair)
),
-- What comes late changes nothing: an older version than one that was told before is no news.
news AS (
    SELECT *
    FROM listener_words
    WHERE listener_id IN {listeners:Array(UInt64)}
    QUALIFY version = max(version) OVER (PARTITION BY listener_id, what, kind, target_id, genre ORDER BY told_at)
),
wanted AS (
    SELECT number, at, listener_id, what, kind, target_id, genre
    FROM asked
    INNER JOIN (SELECT DISTINCT listener_id, what, kind, target_id, genre FROM news) AS things USING (listener_id)
)
SELECT
    wanted.number AS number, toString(wanted.what) AS what, toString(wanted.kind) AS kind, wanted.target_id AS target_id,
    toString(wanted.genre) AS genre, toString(value) AS value, until, allows_explicit, toString(language) AS language,
    genres, version
FROM wanted
ASOF JOIN news
    ON wanted.listener_id = news.listener_id AND wanted.what = news.what AND wanted.kind = news.kind
    AND wanted.target_id = news.target_id AND wanted.genre = news.genre AND wanted.at >= news.told_at
WHERE multiIf(
    wanted.what = 'listener', wanted.at < news.told_at + toIntervalSecond({known_seconds:UInt32}),
    wanted.what = 'preferences' OR value != ''
)
ORDER BY number
