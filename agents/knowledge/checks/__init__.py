"""Runbooks as tests: the queries that stand in them, what a check finds of each, and the last check in SQL."""
