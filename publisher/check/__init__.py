"""Checks of any repository: after a commit, for --verify, and `validate`; one sentence per finding."""
