"""A file becomes series on a regular grid: sources, reading, timing, panel, profile."""
