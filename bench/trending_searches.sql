-- One row per query that five listeners or more made: how often, from the searches themselves; most first, or what rises most.
WITH
made AS (
    SELECT query, listener_id, country, searched_at >= {since:DateTime('UTC')} AS is_now, is_repeat
    FROM (
        SELECT query, listener_id, country, searched_at, /* repeat */ AS is_repeat
        FROM searches FINAL
        WHERE searched_at >= toStartOfDay({before_from:DateTime('UTC')}) AND searched_at < {close:DateTime('UTC')}
    )
    WHERE searched_at >= {since:DateTime('UTC')}
        OR (searched_at >= {before_from:DateTime('UTC')} AND searched_at < {before_to:DateTime('UTC')})
),
whole AS (SELECT countIf(is_now) / countIf(NOT is_now) AS growth FROM made WHERE NOT is_repeat)
SELECT query AS who, countIf(is_now AND NOT is_repeat) AS listens
FROM made
WHERE {region:String} = '' OR country = {region:String}
GROUP BY who
HAVING listens > 0 AND uniqExactIf(listener_id, is_now AND listener_id != 0) >= 5 /* rises AND (listens + 20) / (countIf(NOT is_now AND NOT is_repeat) * (SELECT growth FROM whole) + 20) >= 1.5 rises */
ORDER BY /* rises (listens + 20) / (countIf(NOT is_now AND NOT is_repeat) * (SELECT growth FROM whole) + 20) rises */ listens DESC,
    bitShiftRight(sipHash64(query), 1)
LIMIT {limit:UInt32}
