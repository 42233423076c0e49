-- One row per song listened to within the window, most listened first. The window ends with the newest listen's day.
WITH (SELECT max(day) FROM song_days WHERE day <= {today:Date}) AS newest
SELECT song_id, sum(listens) AS listens
FROM song_days
WHERE day > newest - {days:UInt16} AND day <= newest
GROUP BY song_id
ORDER BY listens DESC, song_id
LIMIT {limit:UInt32}
