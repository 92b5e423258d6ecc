"""Rows as they come, one after another: what is remembered of each series, and the forecasts after each row."""
