-- One row per song and language that has lyrics: how they begin.
SELECT song_id, language, opening
FROM lyrics FINAL
WHERE opening != ''
ORDER BY song_id, language
