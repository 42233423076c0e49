-- One row per tenth of a song and outcome: how many plays ended there in some days; as known now.
SELECT tenth, toString(outcome) AS outcome, sum(exits) AS exits
FROM song_exits
WHERE day >= {since:Date} AND day <= {until:Date}
GROUP BY tenth, outcome
ORDER BY tenth, outcome
