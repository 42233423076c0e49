-- Songs 1, 2, …: each artist has ten, genres are few large and many small.
INSERT INTO songs (song_id, title, artist_id, artist, genre, version)
SELECT number + 1, 'Song ' || toString(number + 1), 1 + intDiv(number, 10), 'Artist ' || toString(1 + intDiv(number, 10)),
    'genre' || toString(toUInt32(exp(randUniform(0, log(31))))), 1
FROM numbers({songs:UInt64});

-- Listens of the last 60 days as they would have been told, a minute after each; songs and countries as in life: few very often.
INSERT INTO listens (play_id, listener_id, song_id, listened_at, played_ms, country, ingested_at)
SELECT generateUUIDv4(number),
    1 + rand64(1) % 500000,
    least({songs:UInt64}, toUInt64(exp(randUniform(0, log({songs:UInt64} + 1), number)))),
    now64(3, 'UTC') - toIntervalMillisecond(60000 + rand64(2) % (60 * 86400000)) AS at,
    60000,
    substring('USDEGBFRBRINJPMXESNZ', 1 + 2 * (toUInt32(exp(randUniform(0, log(11), number + 1))) - 1), 2),
    at + INTERVAL 1 MINUTE
FROM numbers({events:UInt64});
