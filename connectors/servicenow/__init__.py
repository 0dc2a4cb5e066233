"""ServiceNow: records of the Table API, incidents first."""
