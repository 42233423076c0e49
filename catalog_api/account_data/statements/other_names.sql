-- What other services call you, where a listening history of yours was imported.
SELECT source, external_id
FROM external_ids
WHERE kind = 'listener' AND id = :user_id
ORDER BY source, external_id
