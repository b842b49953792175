"""The commands: arguments in, sentences and an exit code out."""

from publisher.command.publish import main

__all__ = ["main"]
