"""One package a job, named after the one thing it writes."""
