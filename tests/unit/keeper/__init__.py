"""Tests of the keeper that need no cluster."""
