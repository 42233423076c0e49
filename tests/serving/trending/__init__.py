"""Charts beside a recount of what they are made of."""
