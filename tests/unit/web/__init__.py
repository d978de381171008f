"""The web core, without a database."""
