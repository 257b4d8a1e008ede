"""What the ledger costs, measured: `make bench`. The figures are in docs/performance.md."""
