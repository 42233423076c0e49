"""Playlists as documents that other players read and write: JSPF, the JSON form of XSPF."""
