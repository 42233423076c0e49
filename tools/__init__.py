"""What stands before the platform: making the locks, and installing from them."""
