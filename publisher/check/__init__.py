"""Whether a repository is as it should be, whoever made it: each check yields one sentence per finding."""
