"""Sweeps (SYNC.md rule 24): what neither webhook nor poll told of is looked for, slowly, beside the work."""
