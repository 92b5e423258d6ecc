"""Tables larger than memory, in files of the user's cache."""
