-- Every listen of yours, oldest first.
SELECT heard.played_at, heard.song_id, song.title, artist.name AS artist, heard.played_ms, heard.source, heard.play_id
FROM listening_history AS heard
LEFT JOIN songs AS song ON song.id = heard.song_id
LEFT JOIN artists AS artist ON artist.id = song.artist_id
WHERE heard.user_id = :user_id
ORDER BY heard.played_at, heard.play_id
