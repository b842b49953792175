"""Wanted dataset against repository: pure functions of values, without files or requests."""
