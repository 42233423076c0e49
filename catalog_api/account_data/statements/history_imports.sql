-- The files of listening history that you sent, and what became of them.
SELECT id AS import_id, name, size AS bytes, is_preview, threshold, status, asked_at, started_at, finished_at, outcome, problem
FROM history_imports
WHERE user_id = :user_id
ORDER BY id
