"""A stand-in system with ETags and integer versions that keeps everything in memory and counts its effects."""
