"""Who can do what: the registry of Agent Cards."""

from protocol_interface.registry.records import PLATFORM, Entry
from protocol_interface.registry.registry import Registry
from protocol_interface.registry.tables import schema

__all__ = ["PLATFORM", "Entry", "Registry", "schema"]
