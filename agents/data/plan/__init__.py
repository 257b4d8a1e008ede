"""The typed query plan: the one common form of a query. Read from a platform's text, rendered to any platform's text.

model.py has the plan, schema.py its columns with their types; read_*.py read a language, to_*.py render one.
"""
