-- Where you signed in, from which device and address, and until when that holds.
SELECT id AS session_id, device, address, created_at, last_used_at, expires_at, revoked_at, revoked_because
FROM sessions
WHERE user_id = :user_id
ORDER BY created_at, id
