"""What every service shares: models, errors, settings, logging, the catalog, the ledger, model access."""

__version__ = "0.1.0"
