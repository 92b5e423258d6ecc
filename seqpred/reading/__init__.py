"""Sources to tables of numbers."""
