-- One row per chart: one genre or all, one region or all, and the first in it with their numbers.
-- Most played: by listens, then by id. Rising, which is where {growth} is not negative: by how many times as many listens
-- there are as were to be expected, smoothed (serving/trending/rising.py), where that is {least} or more. Where {least} is
-- negative, all are told that have any listens, now or before.
SELECT
    toString(in_genre) AS genre,
    toString(in_country) AS country,
    every_genre,
    every_country,
    sum(heard) AS listens,
    sum(removed) AS left_out,
    groupArraySortedIf(/* length */)((-score, entity, heard, before, removed /* text */), is_listed) AS listed,
    arrayMap(each -> each.2, listed) AS ids,
    arrayMap(each -> each.3, listed) AS counts,
    arrayMap(each -> each.4, listed) AS earlier,
    arrayMap(each -> each.5, listed) AS repeats
    /* texts */
FROM (
    SELECT entity, in_genre, in_country, every_genre, every_country, heard, before, removed /* text */,
        if(
            {growth:Float64} < 0,
            toFloat64(heard),
            (heard + {prior:Float64}) / (greatest(before, 0) * {growth:Float64} + {prior:Float64})
        ) AS score,
        is_open AND (
            {least:Float64} < 0
            OR ({growth:Float64} < 0 AND (heard > 0 OR removed > 0))
            OR ({growth:Float64} >= 0 AND heard > 0 AND score >= {least:Float64})
        ) AS is_listed
    FROM (/* entities */)
    WHERE (every_genre OR in_genre != '') AND (every_country OR in_country != '')
)
GROUP BY in_genre, in_country, every_genre, every_country
HAVING listens > 0 OR left_out > 0 OR length(ids) > 0
ORDER BY listens DESC, genre, country
LIMIT {charts:UInt32}
