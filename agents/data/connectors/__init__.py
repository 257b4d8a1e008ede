"""Where proven queries run for real: one class a kind of platform, each read-only, bounded and cancellable."""
