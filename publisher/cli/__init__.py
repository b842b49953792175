"""The commands: arguments in, sentences and an exit code out."""

from publisher.cli.publish import main

__all__ = ["main"]
