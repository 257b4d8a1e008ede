"""What was read: documents, passages and versions in SQL (`tables`, `passages`, `history`), vectors in Chroma."""
