"""Local stand-ins for the systems Lockstep connects, speaking the vendors' own protocols, with workflow rules and
fault switches.
"""

from connectors.sandbox.server import SYSTEMS, StandIn, start

__all__ = ["SYSTEMS", "StandIn", "start"]
