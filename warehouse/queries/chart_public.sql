-- One row per playlist of those given that everyone may see.
SELECT playlist_id FROM playlists FINAL WHERE playlist_id IN {ids:Array(UInt64)} AND is_public
