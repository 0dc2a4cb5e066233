"""Stand-in for a ServiceNow instance: the Table API over incident and the tables a connector reads beside it."""
