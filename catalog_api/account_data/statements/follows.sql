-- Whom you follow, and who follows you.
SELECT 'follows' AS direction, 'listener' AS kind, follow.followed_id AS id, person.display_name AS name, follow.followed_at
FROM listener_follows AS follow
JOIN users AS person ON person.id = follow.followed_id
WHERE follow.follower_id = :user_id
UNION ALL
SELECT 'follows', 'artist', follow.artist_id, artist.name, follow.followed_at
FROM artist_follows AS follow
JOIN artists AS artist ON artist.id = follow.artist_id
WHERE follow.follower_id = :user_id
UNION ALL
SELECT 'followed_by', 'listener', follow.follower_id, person.display_name, follow.followed_at
FROM listener_follows AS follow
JOIN users AS person ON person.id = follow.follower_id
WHERE follow.followed_id = :user_id
ORDER BY direction DESC, kind, followed_at, id
