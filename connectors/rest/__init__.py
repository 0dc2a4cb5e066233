"""HTTP for connectors: one client per connection, one pure function that says what every answer means."""

from connectors.rest.answer import Answer, Call, Failure
from connectors.rest.client import RestClient

__all__ = ["Answer", "Call", "Failure", "RestClient"]
