"""Configuration: typed settings, read once, each able to say where it came from."""
