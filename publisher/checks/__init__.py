"""What can be wrong with a published repository: each check yields one sentence per finding."""
