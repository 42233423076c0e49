"""Auth: how people sign in and stay so."""
