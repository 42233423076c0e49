"""What a listener, an artist and the platform come to over a stretch of time, counted in the warehouse when it is asked."""
