"""Metrics and baselines; nothing here knows a model."""
