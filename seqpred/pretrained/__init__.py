"""The pretrained networks that are part of the package, one for each built-in cell."""
