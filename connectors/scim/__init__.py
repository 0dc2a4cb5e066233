"""A SCIM 2.0 server, asked and written to as a client."""
