-- One row per listener as the catalog last told them.
SELECT listener_id, origin, external_id, country
FROM listeners FINAL
ORDER BY listener_id
