"""Hybrid search over a collection: words and vectors, fused by rank; names that match exactly come first.

`index` ranks what `filtering` lets through; `scoring` says what a score means, `diversity` and `excerpts` what is
shown.
"""
