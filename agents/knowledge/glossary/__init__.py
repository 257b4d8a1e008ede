"""Business terms and standing rules: read from runbooks, proposed, and accepted by a person before they are applied."""
