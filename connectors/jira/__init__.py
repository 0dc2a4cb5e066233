"""Jira Cloud: issues, their transitions and comments."""
