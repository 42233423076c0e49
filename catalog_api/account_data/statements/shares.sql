-- The songs that you shared with somebody, and that somebody shared with you.
SELECT
    CASE WHEN share.from_id = :user_id THEN 'sent' ELSE 'received' END AS direction,
    CASE WHEN share.from_id = :user_id THEN share.to_id ELSE share.from_id END AS other_id,
    share.song_id, song.title, share.message, share.shared_at, share.seen_at
FROM shares AS share
JOIN songs AS song ON song.id = share.song_id
WHERE share.from_id = :user_id OR share.to_id = :user_id
ORDER BY share.id
