"""What every HTTP service of Segue shares: problems, principals and the app factory."""
