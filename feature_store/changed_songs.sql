-- One row per song of which the catalog told a change since a version: whether it is removed or explicit, and where it may
-- be played.
SELECT song_id, version, is_removed, is_explicit, is_everywhere, regions
FROM songs FINAL
WHERE version >= {since:UInt64}
ORDER BY version DESC, song_id
LIMIT {limit:UInt32}
