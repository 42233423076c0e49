"""Clients of the engines: the same code for the embedded ones and for servers."""
