"""What a repository says of itself: the bytes of README.md, and what they tell a later run."""

from publisher.card.compose import Card

__all__ = ["Card"]
