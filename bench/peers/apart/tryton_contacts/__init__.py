"""A Tryton module with the same contacts."""
