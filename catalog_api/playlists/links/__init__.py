"""Links that let anyone who has one read a playlist for a while."""
