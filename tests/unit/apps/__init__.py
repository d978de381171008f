"""Unit tests of the built-in apps: what they declare."""
