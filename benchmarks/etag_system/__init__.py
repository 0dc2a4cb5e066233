"""The connector of the benchmark's stand-in system."""
