"""Shares: songs that people send to those who follow them."""
