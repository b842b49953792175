"""From what names a builder on a command line to its class: a script's path, or `module:Class`."""

from publisher.source.find import find_builder

__all__ = ["find_builder"]
