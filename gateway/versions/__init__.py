"""Mapping versions: every text that a gateway ever worked by, and what happened to it. Nothing is ever changed."""
