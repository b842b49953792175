"""From a builder to files: knows neither cards nor the Hub."""
