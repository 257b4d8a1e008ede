"""What the ledger costs and the protocols add, measured: `make bench`. The figures are in docs/performance.md."""
