"""What each connection may send: one budget for all workers, taken from the database in slices."""
