"""Where providers push to. Loads nothing of the protocol."""

from __future__ import annotations

PATH = "/scim/v2"
PUSHED = frozenset({"scim_push"})
"""Connectors whose connections are pushed to."""


def address_of(url: str, connection: str, connector: str) -> str:
    """What is entered at the provider as the base address; "" for a connection that nobody pushes to."""
    return f"{url}{PATH}/{connection}" if connector in PUSHED else ""
