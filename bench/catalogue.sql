-- A catalog of %(songs)s songs and %(listeners)s listeners; every row is made from its number.
INSERT INTO genres (name) SELECT 'genre' || number FROM generate_series(0, 29) AS number;
INSERT INTO users (display_name, email, country)
SELECT 'Listener ' || number, 'listener' || number || '@example.org', 'NZ' FROM generate_series(1, %(listeners)s) AS number;
INSERT INTO preferences (user_id) SELECT id FROM users;
INSERT INTO artists (name) SELECT 'Artist ' || number FROM generate_series(1, %(songs)s / 20) AS number;
INSERT INTO albums (artist_id, title, released_on)
SELECT 1 + number / 2 %% (%(songs)s / 20), 'Album ' || number, date '2000-01-01' + number %% 9000
FROM generate_series(1, %(songs)s / 10) AS number;
INSERT INTO songs (artist_id, album_id, title, genre, duration_ms, released_on, play_count, track_number)
SELECT album.artist_id, album.id, 'Song ' || number, 'genre' || number %% 30, 200000, album.released_on,
    hashint4(number::int) & 65535, 1 + number / (%(songs)s / 10) %% 10
FROM generate_series(1, %(songs)s) AS number JOIN albums AS album ON album.id = 1 + number %% (%(songs)s / 10)
ORDER BY number;
INSERT INTO lyrics (song_id, language, text) SELECT number, 'en', 'Words of song ' || number FROM generate_series(1, %(songs)s / 100) AS number;
INSERT INTO playlists (user_id, name, is_public, created_at, updated_at)
SELECT number, 'Playlist ' || number, true, %(now)s, %(now)s FROM generate_series(1, %(listeners)s) AS number;
INSERT INTO playlist_songs (playlist_id, song_id, place, added_by, added_at)
SELECT playlist, 1 + (playlist * 7919 + number * 104729) %% %(songs)s, number * 1048576, playlist, %(now)s
FROM generate_series(1, %(listeners)s) AS playlist, generate_series(1, 20) AS number
ON CONFLICT (playlist_id, song_id) DO NOTHING;
INSERT INTO listener_follows (follower_id, followed_id, followed_at)
SELECT follower, 1 + (follower + number * 7919) %% %(listeners)s, %(now)s
FROM generate_series(1, %(listeners)s) AS follower, generate_series(1, 20) AS number
WHERE follower <> 1 + (follower + number * 7919) %% %(listeners)s ON CONFLICT DO NOTHING;
INSERT INTO song_opinions (user_id, song_id, opinion, said_at)
SELECT listener, 1 + (listener * 31 + number * 104729) %% %(songs)s, 'love', %(now)s
FROM generate_series(1, %(listeners)s) AS listener, generate_series(1, 10) AS number ON CONFLICT DO NOTHING;
INSERT INTO activities (user_id, verb, kind, target_id, happened_at)
SELECT listener, 'loved', 'song', 1 + (listener * 31 + number * 104729) %% %(songs)s, %(now)s - number * interval '1 hour'
FROM generate_series(1, %(listeners)s) AS listener, generate_series(1, 10) AS number;
INSERT INTO listening_history (user_id, song_id, play_id, played_at, played_ms, source)
SELECT listener, 1 + (listener * 17 + number * 7919) %% %(songs)s, gen_random_uuid(), %(now)s - number * interval '7 hours', 180000, 'organic'
FROM generate_series(1, %(listeners)s) AS listener, generate_series(1, 30) AS number;
VACUUM ANALYZE;
