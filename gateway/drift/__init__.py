"""Drift of what systems say of themselves: fields and options that came, went or changed, and mappings that feel it."""
