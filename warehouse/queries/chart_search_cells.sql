-- One row per search of a window (heard, or removed where it is a repeat) and of the time that it is compared with (before). A repeat
-- is a search beyond the {cap}th of one listener for the same on one day; {cap} 0: none is. Nobody (listener 0) repeats nothing.
SELECT toInt64(bitShiftRight(sipHash64(query), 1)) AS entity, query, listener_id, country,
    toInt64(searched_at >= {since:DateTime('UTC')} AND NOT is_repeat) AS heard,
    toInt64(searched_at < {before_to:DateTime('UTC')} AND NOT is_repeat) AS before,
    toInt64(searched_at >= {since:DateTime('UTC')} AND is_repeat) AS removed
FROM (
    SELECT query, listener_id, country, searched_at,
        {cap:UInt16} > 0 AND listener_id != 0 AND row_number() OVER (
            PARTITION BY listener_id, query, toDate(searched_at) ORDER BY searched_at, search_id
        ) > {cap:UInt16} AS is_repeat
    FROM searches FINAL
    WHERE searched_at >= toStartOfDay({before_from:DateTime('UTC')}) AND searched_at < {close:DateTime('UTC')}
)
WHERE searched_at >= {since:DateTime('UTC')}
    OR (searched_at >= {before_from:DateTime('UTC')} AND searched_at < {before_to:DateTime('UTC')})
