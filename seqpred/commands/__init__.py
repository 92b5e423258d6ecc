"""The Python API behind the command line."""
