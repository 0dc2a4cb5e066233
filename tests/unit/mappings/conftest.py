"""Hypothesis without deadlines: how long a draw takes depends on who else uses the machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None, print_blob=True, max_examples=60)
settings.load_profile("unhurried")
