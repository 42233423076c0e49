-- The songs and artists that you love or hide.
SELECT said.opinion, 'song' AS kind, said.song_id AS id, song.title AS name, artist.name AS artist, said.said_at
FROM song_opinions AS said
JOIN songs AS song ON song.id = said.song_id
JOIN artists AS artist ON artist.id = song.artist_id
WHERE said.user_id = :user_id
UNION ALL
SELECT said.opinion, 'artist', said.artist_id, artist.name, artist.name, said.said_at
FROM artist_opinions AS said
JOIN artists AS artist ON artist.id = said.artist_id
WHERE said.user_id = :user_id
ORDER BY opinion DESC, kind, said_at, id
