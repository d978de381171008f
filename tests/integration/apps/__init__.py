"""Integration tests of the built-in apps."""
