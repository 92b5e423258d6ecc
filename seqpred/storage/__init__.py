"""Model folders and atomic writes."""
