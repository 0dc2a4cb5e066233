"""Brambledesk: a ticket system that nobody has, with the API that a connector file is written for in the docs."""
