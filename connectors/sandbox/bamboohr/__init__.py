"""BambooHR: employees, what changed of them, their employment status, and the custom report (facts.md 4.1)."""
