-- One row per query, and country or all. It is told (is_open) where so many different listeners made it there in the window that it
-- names none of them.
SELECT entity, '' AS in_genre, country AS in_country, 1 AS every_genre, grouping(country) AS every_country,
    sum(cells.heard) AS heard, sum(cells.before) AS before, sum(cells.removed) AS removed, any(query) AS text,
    uniqUpToIf(/* listeners */)(listener_id, listener_id != 0 AND cells.heard + cells.removed > 0) >= /* listeners */ AS is_open
FROM (/* cells */) AS cells
GROUP BY GROUPING SETS ((entity, country), (entity))
