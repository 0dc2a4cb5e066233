"""Telling people: what needs them, over the channels of the configuration. See docs/adr/0121."""
