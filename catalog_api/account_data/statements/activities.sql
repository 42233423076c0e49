-- What your followers see of what you did: the newest thousand.
SELECT happened_at, verb, kind, target_id
FROM activities
WHERE user_id = :user_id
ORDER BY id
