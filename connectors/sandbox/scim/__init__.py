"""A SCIM 2.0 server: the protocol is scim2-server's, which others wrote."""
