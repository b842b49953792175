"""The flow of every command, in one process, in several, or on a cluster."""
