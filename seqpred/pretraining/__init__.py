"""Training of the pretrained networks on synthetic series."""
