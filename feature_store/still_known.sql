-- One row per listener of whom the warehouse still knows anything, with 0 as the other; and one per other listener whom one
-- of them follows, blocks, or did. Whoever is in neither has deleted their account.
SELECT DISTINCT listener_id, toUInt64(0) AS other_id
FROM (
    SELECT listener_id FROM listens WHERE listener_id IN {listeners:Array(UInt64)}
    UNION ALL
    SELECT listener_id FROM imported_counts WHERE listener_id IN {listeners:Array(UInt64)}
    UNION ALL
    SELECT listener_id FROM listener_words WHERE listener_id IN {listeners:Array(UInt64)}
)
UNION ALL
SELECT DISTINCT listener_id, target_id AS other_id
FROM listener_words
WHERE what IN ('follow', 'block') AND kind = 'listener' AND listener_id IN {listeners:Array(UInt64)}
