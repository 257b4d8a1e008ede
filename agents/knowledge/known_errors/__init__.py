"""The agent `known_errors`, the errors it knows, and log lines as templates to match them by."""
