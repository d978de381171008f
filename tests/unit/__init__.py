"""Unit tests: values and pure functions."""
