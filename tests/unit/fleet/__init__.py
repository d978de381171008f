"""Tests of the fleet's values."""
