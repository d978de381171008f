"""The pages on a real database, without a network."""
