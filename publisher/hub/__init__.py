"""All that is asked of the Hub, and what its answers mean."""
