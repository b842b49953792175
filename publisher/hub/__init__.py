"""Requests to the Hub, and the meaning of its answers."""
