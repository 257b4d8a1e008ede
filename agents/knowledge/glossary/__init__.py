"""Business terms and standing rules: read from runbooks, proposed, and accepted by a person before they are applied.

`defining` finds the sentences, `meaning` reads the condition that one says, `conditions` checks it, `binding` finds the
groups that it is about, `store` keeps what was proposed and decided.
"""
