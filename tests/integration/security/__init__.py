"""Tests of the security floor against other programs."""
