"""The recurrent network: cells, recurrent part, heads, the three together."""
