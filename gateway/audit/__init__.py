"""The audit trail: one row for every decision, in its transaction."""
