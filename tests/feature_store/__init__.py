"""Features online and offline, and that both agree."""
