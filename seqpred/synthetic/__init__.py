"""Synthetic series, from which pretrained networks are trained."""
