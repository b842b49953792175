"""Bring a repository to what is wanted, and check it."""
