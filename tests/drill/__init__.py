"""Replays at full size: what takes too long for the suite, with the same code as its smaller twins there."""
