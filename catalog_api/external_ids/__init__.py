"""External ids: what other sources call our songs, artists and albums."""
