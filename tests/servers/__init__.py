"""The platform on real servers: Debian's PostgreSQL and Redis, and S3 by rclone, with nothing changed but URLs."""
