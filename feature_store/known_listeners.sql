-- One row per listener of whom the warehouse knows anything, by id.
SELECT DISTINCT listener_id
FROM (
    SELECT DISTINCT listener_id FROM listens
    UNION ALL
    SELECT DISTINCT listener_id FROM imported_counts
    UNION ALL
    SELECT DISTINCT listener_id FROM listener_words
)
ORDER BY listener_id
