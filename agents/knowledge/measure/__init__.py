"""How well the search finds runbooks, tells that none fits, and how fast: `python -m agents.knowledge.measure`."""

from agents.knowledge.measure.retrieval import Measured, Retrieval, measure

__all__ = ["Measured", "Retrieval", "measure"]
