"""From a history and weights to forecasts."""
