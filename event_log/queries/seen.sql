-- Which of the given plays' events the warehouse holds, by key; `asked` is a table of their ids that is sent along.
SELECT play_key, kind
FROM seen
WHERE play_key IN (SELECT play_key FROM asked)
