"""The work: in one process, in several, or on a cluster."""
