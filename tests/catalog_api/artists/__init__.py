"""Tests of artists and what is theirs."""
