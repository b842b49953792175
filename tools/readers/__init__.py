"""Every reader, every version: proof that the repository which this project writes opens everywhere."""
