"""`lockstep.yaml`: its shape, its problems with places, and the checked values the gateway runs on."""

from gateway.config.reading import load, read
from gateway.config.values import Config, Connection, Flow, Member, MergePolicy

__all__ = ["Config", "Connection", "Flow", "Member", "MergePolicy", "load", "read"]
