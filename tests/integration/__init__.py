"""Integration tests: the parts on a real PostgreSQL."""
