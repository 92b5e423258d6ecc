"""The pretrained networks that are part of the package, one for each built-in cell."""

PRETRAINED = "pretrained"  # the name of a pretrained network, instead of a model folder
