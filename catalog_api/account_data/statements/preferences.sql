-- What you want to be served.
SELECT allows_explicit, language, genres, is_private_session, updated_at
FROM preferences
WHERE user_id = :user_id
