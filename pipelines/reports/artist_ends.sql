-- One row per artist: how many plays of theirs ended in some days, and with what; as known now.
SELECT
    artist_id, sum(exits) AS ends, sumIf(exits, outcome = 'completed') AS completed,
    sumIf(exits, outcome IN ('skip_early', 'skip_late')) AS skipped
FROM song_exits INNER JOIN (SELECT song_id, artist_id FROM songs FINAL) AS named ON song_exits.song_id = named.song_id
WHERE day >= {since:Date} AND day <= {until:Date}
GROUP BY artist_id
