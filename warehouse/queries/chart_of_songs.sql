-- One row per song, its genre or all, and country or all.
SELECT cells.song_id AS entity, if(every_genre, '', songs.genre) AS in_genre, cells.country AS in_country, every_genre,
    cells.every_country AS every_country, cells.heard AS heard, cells.before AS before, cells.removed AS removed, 1 AS is_open
FROM (
    SELECT song_id, country, grouping(country) AS every_country, sum(heard) AS heard, sum(before) AS before, sum(removed) AS removed
    FROM (/* cells */)
    GROUP BY GROUPING SETS ((song_id, country), (song_id))
) AS cells
INNER JOIN (SELECT song_id, lowerUTF8(genre) AS genre FROM songs FINAL WHERE NOT is_removed) AS songs ON songs.song_id = cells.song_id
ARRAY JOIN [0, 1] AS every_genre
