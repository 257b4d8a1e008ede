"""Hybrid search over a collection: words and vectors, fused by rank; names that match exactly come first."""

from agents.knowledge.search.excerpts import EXCERPT_CHARACTERS, excerpt, shortened
from agents.knowledge.search.index import Match, SearchIndex

__all__ = ["EXCERPT_CHARACTERS", "Match", "SearchIndex", "excerpt", "shortened"]
