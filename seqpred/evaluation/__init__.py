"""Metrics, baselines and backtests."""
