"""What a YAML config may contain, and how it is loaded."""
