"""Social: who follows, loves, hides, blocks, and what people tell each other."""
