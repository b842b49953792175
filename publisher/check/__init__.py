"""Checks of a repository, whoever made it: after a commit, for --verify, and `validate`; one sentence per finding."""
