"""Causal model inputs, naive forecasts and covariates as numbers."""
