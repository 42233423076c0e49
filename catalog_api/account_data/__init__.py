"""Account data: a copy of all that is kept of one person, and its deletion."""
