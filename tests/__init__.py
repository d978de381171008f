"""The tests of Growsoft, on a real PostgreSQL wherever one is needed."""
