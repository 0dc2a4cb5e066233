"""Connectors that are one YAML file: the format, its linter, and the engine that speaks to a REST system by it."""
