"""What other products and files say of their data, as catalogs: one module a kind; sources.py chooses among them."""
