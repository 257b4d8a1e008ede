"""What is known, as a graph in SQL: schema, services, alerts, error codes, procedures, steps, terms, and their links.

Everything is extracted by code: names are held against the catalogs, codes and alerts are known by their form, tables
come from queries that were proven. A model is asked nothing here: on runbooks that name things it would add calls, and
names that exist nowhere.
"""
