"""Time steps, clocks and time zones."""
