"""Values, errors, clock and protocols shared by every package. Imports nothing of ours."""
