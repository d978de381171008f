"""A Django app with the same contacts."""
