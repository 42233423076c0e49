-- One row per asked number whose listener was known by listens at its moment: the recent songs, newest first, and the
-- milliseconds since 1970 at which the latest listen of each began, as the online store held them at that moment; and those
-- at which we were last told of a listen.
WITH
asked AS (
    SELECT pair.1 AS number, pair.2 AS listener_id, fromUnixTimestamp64Milli(pair.3, 'UTC') AS at
    FROM (SELECT arrayJoin(arrayZip(arrayEnumerate({listeners:Array(UInt64)}), {listeners:Array(UInt64)}, {moments:Array(Int64)})) AS pair)
),
listened AS (
    SELECT listener_id, song_id, listened_at, ingested_at AS told_at
    FROM listens
    WHERE NOT is_private AND listener_id IN {listeners:Array(UInt64)}
),
-- All of a listener's songs run out together when no listen is told for too long; what is told then begins anew.
tellings AS (
    SELECT listener_id, told_at, max(begins) OVER (PARTITION BY listener_id ORDER BY told_at) AS began_at
    FROM (
        SELECT
            listener_id, told_at,
            lagInFrame(told_at) OVER (PARTITION BY listener_id ORDER BY told_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before,
            if(told_at < before + toIntervalSecond({kept_seconds:UInt32}), toDateTime64(0, 3, 'UTC'), told_at) AS begins
        FROM (SELECT DISTINCT listener_id, told_at FROM listened)
    )
),
alive AS (
    SELECT
        asked.number AS number, asked.listener_id AS listener_id, asked.at AS at, tellings.began_at AS began_at,
        tellings.told_at AS last_at
    FROM asked
    ASOF JOIN tellings ON asked.listener_id = tellings.listener_id AND asked.at >= tellings.told_at
    WHERE asked.at < tellings.told_at + toIntervalSecond({kept_seconds:UInt32})
),
-- A listen whose length was told anew is in both tables; nobody took it back.
taken_back AS (
    SELECT listener_id, song_id, listened_at AS latest, greatest(ingested_at, removed_at) AS back_at
    FROM removals
    WHERE NOT is_private AND listener_id IN {listeners:Array(UInt64)}
        AND (play_id, removed_at) NOT IN (
            SELECT play_id, ingested_at FROM listens WHERE listener_id IN {listeners:Array(UInt64)}
        )
),
-- A listen that is taken back takes with it those of the same song that began no later, whenever these are told.
lasting AS (
    SELECT
        listener_id, song_id, listened_at, told_at,
        minOrNullIf(back_at, taken_back.latest >= listened_at) AS gone_at
    FROM listened
    LEFT JOIN taken_back USING (listener_id, song_id)
    GROUP BY listener_id, song_id, listened_at, told_at
),
latest AS (
    SELECT
        number, song_id, maxOrNullIf(toUnixTimestamp64Milli(listened_at), gone_at IS NULL OR at < gone_at) AS ms,
        toUnixTimestamp64Milli(any(last_at)) AS last_ms
    FROM alive
    INNER JOIN lasting USING (listener_id)
    WHERE told_at BETWEEN began_at AND at
    GROUP BY number, song_id
)
SELECT
    number,
    arraySlice(arrayReverseSort(groupArrayIf((assumeNotNull(ms), toString(song_id)), ms IS NOT NULL)), 1, {limit:UInt32}) AS newest,
    arrayMap(song -> toUInt64(song.2), newest) AS song_ids,
    arrayMap(song -> song.1, newest) AS listened_ms,
    any(last_ms) AS told_ms
FROM latest
GROUP BY number
ORDER BY number
