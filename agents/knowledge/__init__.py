"""Knowledge: what people wrote down, from the file to the passage that steers a query.

The way in: `ingest` (files and pages to passages, read by `documents`), `store` (passages in SQL, vectors in Chroma),
`library` (a collection as a whole), `search`. What is made of it: `checks` (queries of runbooks as tests), `glossary`,
`graph`. Who tells it: the agents `sop` and `known_errors`. `measure` prints the figures of docs/knowledge.md.
"""
