-- Your account: name, address, country, roles, plan. Of your password we keep a one-way digest, which is not here.
SELECT id AS user_id, display_name, email, country, roles, subscription_type, created_at, updated_at
FROM users
WHERE id = :user_id
