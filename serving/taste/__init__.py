"""Lets listeners see what is thought of their taste, and change it: feedback, influence, and what would change if."""
