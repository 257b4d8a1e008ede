"""The only A2A client: sends an agent a task and gives back its output, or the error it answered."""

from protocol_interface.a2a_client.answers import AskedBack
from protocol_interface.a2a_client.callbacks import NOTIFICATIONS_PATH
from protocol_interface.a2a_client.client import A2AClient
from protocol_interface.a2a_client.folding import Report

__all__ = ["NOTIFICATIONS_PATH", "A2AClient", "AskedBack", "Report"]
