"""Imports that listeners ask for over HTTP, with the process that does them."""
