"""Tests of the security floor."""
