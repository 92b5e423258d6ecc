"""How a text cell or an integer becomes a timestamp, and how a timestamp is written in the form of the data."""
