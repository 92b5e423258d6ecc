"""What `init` and `check` find in a file."""
