"""Job `interactions`: one row per listener and song with any evidence of liking."""
