"""Tools for maintainers: benchmarks, readers and pictures. They are not installed."""
