"""GitLab: the issues of one project as REST v4 serves them, with notes, labels and counted pages (facts.md 3.2)."""
