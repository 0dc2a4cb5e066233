"""What is kept beyond its time, and why: the archive of what was closed, and legal holds."""
