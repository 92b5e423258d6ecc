"""What a forecast consists of: shares of naive forecasts, the network's correction, effects of covariates."""
