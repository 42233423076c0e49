-- The people you blocked.
SELECT block.blocked_id AS user_id, person.display_name, block.blocked_at
FROM blocks AS block
JOIN users AS person ON person.id = block.blocked_id
WHERE block.blocker_id = :user_id
ORDER BY block.blocked_at, block.blocked_id
