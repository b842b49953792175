"""README.md of a repository, and the record by which a later run knows what it wrote."""

from publisher.card.compose import Card

__all__ = ["Card"]
