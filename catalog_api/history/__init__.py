"""Listening history: what each listener listened to, and how often each song was."""
