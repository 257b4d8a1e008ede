"""What every service shares: models, errors, settings, logging, the catalog, the ledger, model access."""
