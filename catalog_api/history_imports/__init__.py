"""Listening history that listeners bring along: uploaded over HTTP, brought in or only looked at by a process behind."""
