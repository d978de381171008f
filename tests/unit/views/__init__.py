"""Views as values, without a database."""
