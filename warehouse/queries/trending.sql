-- One row per song listened to on the last days that have listens, most listened first.
WITH latest AS (SELECT DISTINCT day FROM song_days WHERE day <= {today:Date} ORDER BY day DESC LIMIT {days:UInt16})
SELECT song_id, sum(listens) AS listens
FROM song_days
WHERE day IN (SELECT day FROM latest)
GROUP BY song_id
ORDER BY listens DESC, song_id
LIMIT {limit:UInt32}
