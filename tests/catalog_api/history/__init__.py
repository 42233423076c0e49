"""The listening history: what fills it, what keeps it in order, and how listeners read it."""
