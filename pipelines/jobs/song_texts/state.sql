-- One row: a number for each input that differs when the input does. Sums of hashes, so the order of rows is no matter.
WITH
named AS (
    SELECT count() AS rows, sum(cityHash64(song_id, title, artist, album, genre)) AS hash
    FROM songs FINAL
    WHERE NOT is_removed
),
sung AS (
    SELECT count() AS rows, sum(cityHash64(song_id, language, opening)) AS hash
    FROM lyrics FINAL
)
SELECT
    named.rows AS song_rows,
    named.hash AS song_hash,
    sung.rows AS lyric_rows,
    sung.hash AS lyric_hash
FROM named CROSS JOIN sung
