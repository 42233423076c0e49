-- How many inserts of plays the server is still working on, told by an earlier try that lost its connection.
SELECT count()
FROM system.processes
WHERE query_kind = 'Insert' AND match(query, 'playback_events|listens|removals')
