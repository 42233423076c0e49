"""What is heard by the same people belongs together: neighbourhoods of songs."""
