"""What is recommended, to whom, and how it is answered."""
