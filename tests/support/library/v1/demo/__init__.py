"""Records for demo databases."""
