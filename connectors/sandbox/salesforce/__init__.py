"""Salesforce: cases with comments, accounts, contacts and users by the REST API, SOQL included (facts.md 5.1)."""
