"""High-risk actions on their way to SIEM receivers: numbered, chained, and provably complete."""
