"""Listeners: the people whose plays are told; accounts build on them."""
