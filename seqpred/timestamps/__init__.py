"""Text and integers to timestamps."""
