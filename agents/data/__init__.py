"""The data agents: one class a platform says what is particular to it; everything else is the same code."""
