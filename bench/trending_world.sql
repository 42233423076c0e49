-- Songs 1, 2, …: each album has ten and each artist twenty, genres are few large and many small.
INSERT INTO songs (song_id, title, artist_id, artist, album_id, album, genre, version)
SELECT number + 1, 'Song ' || toString(number + 1), 1 + intDiv(number, 20), 'Artist ' || toString(1 + intDiv(number, 20)),
    1 + intDiv(number, 10), 'Album ' || toString(1 + intDiv(number, 10)),
    'genre' || toString(toUInt32(exp(randUniform(0, log(31))))), 1
FROM numbers({songs:UInt64});

-- Playlists 1, 2, …: every second one is public.
INSERT INTO playlists (playlist_id, is_public, version)
SELECT number + 1, number % 2 = 0, 1
FROM numbers({playlists:UInt64});

-- Listens of the last 60 days as they would have been told, a minute after each; songs, playlists and countries as in life: few very
-- often. One in four comes from a playlist, and one in a hundred from ten accounts that never rest.
INSERT INTO listens (play_id, listener_id, song_id, listened_at, played_ms, country, playlist_id, ingested_at)
SELECT generateUUIDv4(number),
    1 + rand64(1) % if(rand64(3) % 100 = 0, 10, 500000),
    least({songs:UInt64}, toUInt64(exp(randUniform(0, log({songs:UInt64} + 1), number)))),
    now64(3, 'UTC') - toIntervalMillisecond(60000 + rand64(2) % (60 * 86400000)) AS at,
    60000,
    substring('USDEGBFRBRINJPMXESNZ', 1 + 2 * (toUInt32(exp(randUniform(0, log(11), number + 1))) - 1), 2),
    if(rand64(4) % 4 = 0, least({playlists:UInt64}, toUInt64(exp(randUniform(0, log({playlists:UInt64} + 1), number + 2)))), 0),
    at + INTERVAL 1 MINUTE
FROM numbers({events:UInt64});

-- Searches of the same days for 50,000 things, few of them very often.
INSERT INTO searches (search_id, listener_id, query, kind, results, searched_at, country, ingested_at)
SELECT generateUUIDv4(number), rand64(1) % 500000, 'query ' || toString(toUInt32(exp(randUniform(0, log(50001))))), 'songs', 10,
    now64(3, 'UTC') - toIntervalMillisecond(60000 + rand64(2) % (60 * 86400000)) AS at,
    substring('USDEGBFRBRINJPMXESNZ', 1 + 2 * (toUInt32(exp(randUniform(0, log(11), number + 1))) - 1), 2),
    at
FROM numbers({searches:UInt64});
