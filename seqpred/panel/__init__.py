"""Series of unequal length in flat arrays."""
