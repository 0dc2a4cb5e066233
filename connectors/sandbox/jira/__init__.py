"""Stand-in for Jira Cloud, REST API v3: issues of one project with a workflow that must be walked."""
