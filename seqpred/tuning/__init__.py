"""The search for a better config: search space, study and parallel trials."""
