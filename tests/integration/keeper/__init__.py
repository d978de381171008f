"""Tests of the keeper on real clusters."""
