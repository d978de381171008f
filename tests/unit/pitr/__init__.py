"""Values of the WAL archive."""
