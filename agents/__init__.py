"""The agents: planner, knowledge (sop, known_errors), data (one a platform)."""
