-- One row per tenth of a song and outcome: how many plays of an artist's songs ended there.
SELECT tenth, toString(outcome) AS outcome, sum(exits) AS exits
FROM song_exits
WHERE song_id IN (SELECT song_id FROM songs FINAL WHERE artist_id = {artist_id:UInt64})
    AND day >= {since:Date} AND day <= {until:Date}
GROUP BY tenth, outcome
ORDER BY tenth, outcome
