"""From what names a builder on a command line to its class: a script's path, or `module:Class`."""

from publisher.builders.find import find_builder
from publisher.builders.remote import RemoteScript, find_remote

__all__ = ["RemoteScript", "find_builder", "find_remote"]
