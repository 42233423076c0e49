-- What you paid for, and when.
SELECT id AS subscription_id, plan, status, started_at, renews_at, cancelled_at, ended_at,
    payment_method, payment_reference
FROM subscriptions
WHERE user_id = :user_id
ORDER BY id
