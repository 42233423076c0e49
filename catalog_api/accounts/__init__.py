"""Accounts: profiles, preferences and roles of those who signed up."""
